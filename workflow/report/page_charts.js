"use strict";
// Charts: the data behind each specification, drawing, and the colours of the theme.

const INK = ["ink", "soft", "grid", "paper", "low", "middle", "high", "call_0", "call_1", "call_2", "call_3", "call_4"];
const drawn = new Map();
const MANY = 300; // above this many marks a canvas is faster than SVG

function themeInk() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(INK.map((name) => [name, style.getPropertyValue("--" + name.replace("_", "-")).trim()]));
}

function recolour() {
  const ink = themeInk();
  for (const { view } of drawn.values()) {
    for (const [name, value] of Object.entries(ink)) view.signal(name, value);
    view.run();
  }
}

async function draw(place, name, datasets, rows, height) {
  const figure = document.querySelector(`figure[data-chart="${place}"]`);
  const specification = structuredClone(about.charts[name]);
  if (!figure || !specification) return;
  await new Promise((resolve) => setTimeout(resolve)); // lets the page answer between two charts
  if (height) specification.height = height;
  const ink = themeInk();
  for (const parameter of specification.config.params) parameter.value = ink[parameter.name] || parameter.value;
  specification.datasets = { ...specification.datasets, ...datasets };
  if (drawn.has(place)) drawn.get(place).finalize();
  const result = await vegaEmbed(figure, specification, {
    ast: true,
    mode: "vega-lite",
    logLevel: 1, // an empty layer (no sample with an unknown side) is no reason to warn
    renderer: rows > MANY ? "canvas" : "svg",
    actions: { export: true, source: false, compiled: false, editor: false },
    downloadFileName: `${about.cohort}.${place}`,
    tooltip: { theme: document.documentElement.dataset.theme }, // its text is escaped by default
  });
  const summary = figure.querySelector("summary");
  if (summary) summary.setAttribute("aria-label", "Save this chart as SVG or PNG");
  drawn.set(place, result);
  figure.dataset.drawn = "true";
}

function choose(place, options, onChange) {
  const select = document.querySelector(place);
  for (const [value, words] of options) select.append(element("option", { value }, words));
  select.addEventListener("change", () => onChange(select.value));
  return options.length ? select.value : null;
}

function listMissing(place, samples, why) {
  const words = document.getElementById(place);
  if (!words) return;
  const names = samples.slice(0, 12).join(", ") + (samples.length > 12 ? " ..." : "");
  words.textContent = samples.length ? `Not drawn, ${why}: ${samples.length} (${names}).` : "";
}

function sideText(call, side) {
  const value = number(call[side + "_activity"]);
  if (value === null) return "unknown" + (call.reason_codes ? ` (${call.reason_codes})` : "");
  return `${signed(value)} (${intervalText(number(call[side + "_ci_low"]), number(call[side + "_ci_high"]))})`;
}

function drawCompartments(calls, sheet, by) {
  const kind = about.metadata[by] || "call";
  const meta = new Map(sheet.map((row) => [row.sample, row[by]]));
  const rows = calls.map((call) => {
    const group = kind === "call" ? answerName(call) : meta.get(call.sample) || "";
    return {
      sample: call.sample,
      call: answerOf(call),
      call_name: answerName(call),
      group: kind === "number" ? number(group) : group || "not given",
      x: number(call.tumour_activity),
      x_low: number(call.tumour_ci_low),
      x_high: number(call.tumour_ci_high),
      y: number(call.microenvironment_activity),
      y_low: number(call.microenvironment_ci_low),
      y_high: number(call.microenvironment_ci_high),
      x_text: sideText(call, "tumour"),
      y_text: sideText(call, "microenvironment"),
    };
  });
  const missing = rows.filter((row) => row.x === null && row.y === null).map((row) => row.sample);
  listMissing("compartments-missing", missing, "both sides unknown");
  return draw("compartments", `compartments:${kind}`, { compartments: rows }, rows.length);
}

function drawRanked(profiles, byName) {
  const rows = profiles.rowsWith("\tbulk\t", `\t${about.stat3}\t`).filter((row) => row.compartment === "bulk");
  const known = rows.filter((row) => row.axis === about.stat3 && row.activity !== "");
  known.sort((a, b) => b.activity - a.activity);
  listMissing("ranked-missing", rows.filter((row) => row.activity === "").map((row) => row.sample), "unknown");
  const ranked = known.map((row, index) => ({
    sample: row.sample,
    call: answerOf(byName.get(row.sample)),
    rank: index + 1,
    value: number(row.activity),
    low: number(row.ci_low),
    high: number(row.ci_high),
    text: activityText(row),
  }));
  return draw("ranked", "ranked", { ranked }, ranked.length);
}

function drawInterferon(profiles, byName, compartment) {
  const points = new Map([...byName.keys()].map((sample) => [sample, { sample }]));
  for (const axis of [about.stat3, about.interferon]) {
    for (const row of profiles.rowsWith(`\t${compartment}\t`, `\t${axis}\t`)) {
      if (row.compartment !== compartment || row.axis !== axis) continue;
      const call = byName.get(row.sample);
      const point = Object.assign(points.get(row.sample), { call: answerOf(call), call_name: answerName(call) });
      point[axis === about.stat3 ? "y" : "x"] = number(row.activity);
      if (axis === about.stat3) point.score = number(row.score);
    }
  }
  const known = (point) => typeof point.x === "number" && typeof point.y === "number";
  const all = [...points.values()];
  listMissing("interferon-missing", all.filter((point) => !known(point)).map((point) => point.sample), "unknown");
  const rows = all.filter(known);
  return draw("interferon", "interferon", { interferon: rows }, rows.length);
}

function drawHeatmap(profiles, byName, compartment) {
  const rows = profiles.rowsWith(`\t${compartment}\t`).filter((row) => row.compartment === compartment);
  // A sample without any row here is as unknown as one whose rows are empty.
  const present = new Set(rows.map((row) => row.sample));
  for (const sample of byName.keys()) {
    if (present.has(sample)) continue;
    for (const axis of about.axis_order) rows.push({ sample, axis, activity: "", reason: "NOT_MEASURED" });
  }
  const order = rows.filter((row) => row.axis === about.stat3);
  const height = (row) => (row.activity === "" ? -Infinity : Number(row.activity));
  order.sort((a, b) => (height(b) === height(a) ? 0 : height(b) - height(a)));
  const rank = new Map(order.map((row, index) => [row.sample, index + 1]));
  const cells = rows.map((row) => ({
    sample: row.sample,
    rank: rank.get(row.sample) || order.length + 1,
    axis: about.axes[row.axis] || row.axis,
    activity: number(row.activity),
    text: activityText(row),
  }));
  return draw("heatmap", "heatmap", { heatmap: cells }, cells.length / 5);
}

function stacked(samples, parts) {
  const rows = [];
  samples.forEach((sample, index) => {
    parts(sample).forEach(([part, value, text], order) => {
      if (value !== null && value > 0) rows.push({ sample: sample.sample, rank: index + 1, part, value, text, order });
    });
  });
  return rows;
}

async function drawQuality(qc, composition) {
  const genes = stacked(qc, (row) => [
    ["mapped to a symbol", number(row.genes_kept), `${row.genes_kept} kept`],
    ["left out or merged", number(row.genes_in) - number(row.genes_kept), `${row.genes_unmapped} unmapped, ${row.genes_merged} merged`],
  ]);
  if (about.charts.cells) {
    const cells = stacked(qc, (row) => [
      ["kept", number(row.cells_kept), `${row.cells_kept} of ${row.cells_in} cells`],
      [
        "removed",
        number(row.cells_in) - number(row.cells_kept),
        `low counts ${row.cells_low_counts}, low genes ${row.cells_low_genes}, mitochondrial ` +
          `${row.cells_high_mitochondrial}, doublets ${row.cells_doublet || "not tested"}`,
      ],
    ]);
    await draw("cells", "cells", { cells }, qc.length);
  }
  await draw("genes", "genes", { genes }, qc.length);
  if (!about.charts.composition) return;
  const fractions = new Map();
  const notes = new Map();
  for (const row of composition) {
    if (!fractions.has(row.sample)) fractions.set(row.sample, { sample: row.sample });
    fractions.get(row.sample)[row.compartment] = number(row.fraction);
    const count = row.n_cells ? `, ${row.n_cells} cells` : "";
    notes.set(`${row.sample}\t${row.compartment}`, count + (row.reason ? `; no value: ${reasonText(row.reason)}` : ""));
  }
  const rows = stacked([...fractions.values()], (sample) => {
    const lineages = about.composition.slice(1, 5).map((name) => [name, sample[name] ?? null]);
    const named = lineages.reduce((sum, [, value]) => sum + (value || 0), 0);
    const rest = (sample.microenvironment ?? named) - named;
    const whole = (sample.tumour || 0) + (sample.microenvironment ?? named);
    const parts = [["tumour", sample.tumour ?? null], ...lineages, ["other microenvironment", rest], [about.composition.at(-1), 1 - whole]];
    const words = (part, value) => `${(100 * (value || 0)).toFixed(1)} %${notes.get(`${sample.sample}\t${part}`) || ""}`;
    return parts.map(([part, value]) => [part, value !== null && value > 1e-6 ? value : null, words(part, value)]);
  });
  await draw("composition", "composition", { composition: rows }, fractions.size);
}

function drawPhospho(phospho) {
  const rows = phospho.map((row) => ({
    ...row,
    spearman: number(row.spearman),
    low: number(row.low),
    high: number(row.high),
    n: number(row.n),
    own: /activity/i.test(row.method),
  }));
  return draw("phospho", "phospho", { phospho: rows }, rows.length);
}

function drawCard(rows) {
  const shown = rows.filter((row) => row.activity !== "");
  const data = shown.map((row) => ({
    axis: about.axes[row.axis] || row.axis,
    compartment: about.compartments[row.compartment] || row.compartment,
    value: number(row.activity),
    low: number(row.ci_low),
    high: number(row.ci_high),
    text: activityText(row),
  }));
  const lines = new Set(data.map((row) => row.axis)).size * (new Set(data.map((row) => row.compartment)).size + 1);
  return draw("card", "card", { card: data }, data.length, 9 * Math.max(lines, 6));
}
