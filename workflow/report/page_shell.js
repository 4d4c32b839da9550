"use strict";
// What every page has: its theme, and words for a reader whose browser cannot build it.

function setUpTheme() {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const set = (dark, recolours = true) => {
    root.dataset.theme = dark ? "dark" : "light";
    button.textContent = dark ? "Light" : "Dark";
    button.setAttribute("aria-pressed", String(dark));
    if (recolours) recolour();
  };
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  set(preferred.matches, false);
  preferred.addEventListener("change", (event) => set(event.matches));
  button.addEventListener("click", () => set(root.dataset.theme !== "dark"));
  // Paper is white.
  let before = null;
  addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    set(false);
  });
  addEventListener("afterprint", () => set(before === "dark"));
}

function begin(start) {
  setUpTheme();
  start().catch((error) => {
    const words = document.getElementById("problem");
    words.textContent = `This page could not be built: ${error.message}. It needs a browser of 2023 or later; the tables beside it hold the same values.`;
    words.hidden = false;
    throw error;
  });
}
