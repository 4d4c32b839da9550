"use strict";
// The overview: counts by call, and the table with its search, filter and order.

function activityCell(call, side) {
  const value = number(call[side + "_activity"]);
  const cell = element("td", { class: "value" });
  if (value === null) cell.append(element("span", { class: "unknown" }, "unknown"));
  else {
    cell.append(signed(value));
    const interval = intervalText(number(call[side + "_ci_low"]), number(call[side + "_ci_high"]));
    if (interval) cell.append(element("span", { class: "interval" }, ` ${interval}`));
  }
  return cell;
}

const text = (value) => element("td", {}, value || "");
const amount = (value) => {
  const known = number(value);
  return element("td", { class: known === null ? "unknown" : "value" }, known === null ? "unknown" : signed(known));
};

function callColumns(calls) {
  const columns = [
    { words: "Sample", key: (call) => call.sample, cell: (call) => element("td", {}, element("button", { type: "button" }, call.sample)) },
  ];
  if (calls.some((call) => call.patient !== call.sample)) columns.push({ words: "Patient", key: (call) => call.patient, cell: (call) => text(call.patient) });
  columns.push(
    {
      words: about.split ? "Call" : "Whole sample",
      key: (call) => about.answers.indexOf(answerOf(call)),
      cell: (call) => element("td", {}, badge(answerOf(call))),
    },
    { words: "Confidence", key: (call) => ["high", "moderate", "low"].indexOf(call.confidence), cell: (call) => text(call.confidence) },
  );
  const activity = (words, side) => ({ words, key: (call) => number(call[side + "_activity"]), cell: (call) => activityCell(call, side), numeric: true });
  if (about.split) columns.push(activity("Tumour", "tumour"), activity("Microenvironment", "microenvironment"));
  else columns.push(activity("Activity", "bulk"));
  columns.push(
    { words: "Interferon", key: (call) => number(call.ifn_activity), cell: (call) => amount(call.ifn_activity), numeric: true },
    {
      words: "Driver",
      key: (call) => call.driver,
      cell: (call) => element("td", { title: driverWords(call.driver) }, element("span", { class: "short" }, driverWords(call.driver))),
    },
    {
      words: "Limits",
      key: (call) => call.reason_codes,
      cell: (call) => element("td", { title: reasonText(call.reason_codes) }, (call.reason_codes || "").replaceAll(";", "; ")),
    },
  );
  return columns;
}

function setUpCalls(state, openCard) {
  const columns = callColumns(state.calls);
  const head = document.querySelector("#calls-table thead");
  const body = document.querySelector("#calls-table tbody");
  const search = document.getElementById("search");
  const wanted = new Set();
  const order = { column: null, down: false };
  const rows = new Map();
  const haystack = new Map();
  for (const call of state.calls) {
    const row = element("tr", {}, ...columns.map((column) => column.cell(call)));
    row.dataset.sample = call.sample;
    rows.set(call.sample, row);
    const meta = state.meta.get(call.sample);
    const words = [call.sample, call.patient, answerName(call), answerOf(call), call.driver, call.reason_codes, call.confidence, ...(meta ? Object.values(meta) : [])];
    haystack.set(call.sample, words.join("\n").toLowerCase());
  }
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row && !getSelection().toString()) openCard(row.dataset.sample);
  });

  const refresh = () => {
    const terms = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = state.calls.filter((call) => (!wanted.size || wanted.has(answerOf(call))) && terms.every((term) => haystack.get(call.sample).includes(term)));
    if (order.column) {
      const sign = order.down ? -1 : 1;
      shown.sort((a, b) => {
        const [one, two] = [order.column.key(a), order.column.key(b)];
        if (one === null || two === null) return (one === null) - (two === null); // the unknown come last either way
        return sign * (typeof one === "string" ? one.localeCompare(two, "en", { numeric: true }) : one - two);
      });
    }
    state.shown = shown;
    body.replaceChildren(...shown.map((call) => rows.get(call.sample)));
    document.getElementById("shown").textContent = `${shown.length} of ${state.calls.length} samples`;
  };

  const heads = columns.map((column) => {
    const button = element("button", { type: "button" }, column.words);
    const cell = element("th", { scope: "col" }, button);
    button.addEventListener("click", () => {
      order.down = order.column === column ? !order.down : Boolean(column.numeric);
      order.column = column;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      cell.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      refresh();
    });
    return cell;
  });
  head.replaceChildren(element("tr", {}, ...heads));

  const tiles = about.answers.map((code) => {
    const count = state.calls.filter((call) => answerOf(call) === code).length;
    const tile = element("button", { type: "button", class: "tile", "aria-pressed": "false", title: about.words[code].meaning }, element("b", {}, String(count)), badge(code));
    tile.dataset.call = code;
    tile.addEventListener("click", () => {
      wanted.has(code) ? wanted.delete(code) : wanted.add(code);
      tile.setAttribute("aria-pressed", String(wanted.has(code)));
      refresh();
    });
    return tile;
  });
  document.getElementById("counts").replaceChildren(...tiles);

  let waiting = null;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 80);
  });
  document.getElementById("clear").addEventListener("click", () => {
    wanted.clear();
    tiles.forEach((tile) => tile.setAttribute("aria-pressed", "false"));
    search.value = "";
    refresh();
  });
  refresh();
}

function fillExpected(expected) {
  const isRight = (row) => row.right.toLowerCase() === "true";
  const right = expected.filter(isRight);
  document.getElementById("expected-sum").textContent = `${right.length} of ${expected.length} samples got the call that is known to be right.`;
  // A truth may leave something open: "INACTIVE|INDETERMINATE".
  const name = (codes) => codes.split("|").map((code) => about.words[code.trim()]?.name || code).join(" or ");
  const found = [...new Set([...about.calls, ...expected.map((row) => row.found)])].filter((code) => expected.some((row) => row.found === code));
  const known = [...new Set([...about.calls, ...expected.map((row) => row.expected)])].filter((code) => expected.some((row) => row.expected === code));
  const table = document.getElementById("expected-table");
  table.append(element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Expected"), ...found.map((code) => element("th", { scope: "col" }, "found: " + name(code))))));
  const body = known.map((code) =>
    element("tr", {}, element("th", { scope: "row" }, name(code)), ...found.map((other) => element("td", { class: "value" }, String(expected.filter((row) => row.expected === code && row.found === other).length)))),
  );
  table.append(element("tbody", {}, ...body));
  const wrong = expected.filter((row) => !isRight(row));
  const list = document.getElementById("expected-wrong");
  if (!wrong.length) return;
  list.append(element("thead", {}, element("tr", {}, ...["Sample", "Expected", "Found"].map((words) => element("th", { scope: "col" }, words)))));
  list.append(element("tbody", {}, ...wrong.map((row) => element("tr", {}, text(row.sample), text(name(row.expected)), text(name(row.found))))));
}
