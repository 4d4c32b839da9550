"use strict";
// The card of one sample: its call, and the evidence for it line by line.

function conditionHolds(condition, value) {
  if (value === null) return null;
  if (condition.sense === ">=") return value >= condition.value;
  return condition.sense === ">" ? value > condition.value : value < condition.value;
}

function conditionValue(condition, core, panels) {
  if (condition.column === "panels") {
    const known = panels.filter((row) => row.activity !== "");
    return known.length ? known.filter((row) => Number(row.activity) > 0).length : null;
  }
  return number(core[condition.column]);
}

const WORDS = { ">=": "at least", ">": "above", "<": "below" };
const SIGNED = ["activity", "ci_low", "ci_high", "activity_without_top_gene"];

function show(condition, value) {
  if (value === null) return "unknown";
  if (SIGNED.includes(condition.column)) return signed(value);
  if (condition.column === "p_value") return small(value);
  return condition.column === "coverage" ? `${Math.round(value * 100)} %` : String(value);
}

function conditionsTable(core, panels) {
  const table = element("table");
  table.append(element("thead", {}, element("tr", {}, ...["For", "Condition", "Found", "Needed"].map((words) => element("th", { scope: "col" }, words)))));
  const body = element("tbody");
  const lacking = { ON: [], OFF: [] };
  for (const condition of about.conditions) {
    const value = conditionValue(condition, core, panels);
    const scored = panels.filter((row) => row.activity !== "").length;
    // All the panels are needed where fewer than the threshold could be scored.
    const limit = condition.column === "panels" ? Math.min(condition.value, scored) : condition.value;
    const holds = conditionHolds({ ...condition, value: limit }, value);
    const needed = `${WORDS[condition.sense]} ${condition.column === "coverage" ? show(condition, limit) : limit}`;
    if (!holds) lacking[condition.state].push(`${condition.label.toLowerCase().replace("stat3", "STAT3")} ${needed}`);
    body.append(
      element("tr", {}, element("td", {}, condition.state), element("td", {}, condition.label),
        element("td", { class: `value ${holds ? "met" : "unmet"}` }, show(condition, value)), element("td", {}, needed)),
    );
  }
  table.append(body);
  return { table, lacking };
}

function changeText(state, lacking, call) {
  const need = (list) => list.join("; ");
  if (state === "ON" && lacking.ON.length) {
    // The microenvironment is also on when one of its lineages is.
    const lineage = about.compartments[call.dominant_lineage] || call.dominant_lineage;
    return `On through a lineage (${lineage.toLowerCase()}); as a whole it lacks: ${need(lacking.ON)}.`;
  }
  if (state === "ON") return "It would no longer be on if any of the conditions for ON failed.";
  const on = lacking.ON.length ? `For ON it lacks: ${need(lacking.ON)}.` : "";
  if (state === "OFF") return `It would no longer be off if any of the conditions for OFF failed. ${on}`;
  return `${on} ${lacking.OFF.length ? `For OFF it lacks: ${need(lacking.OFF)}.` : ""}`;
}

function axisList(rows, wanted) {
  const found = wanted.map((axis) => rows.find((row) => row.axis === axis)).filter(Boolean);
  return found.map((row) => `${about.axes[row.axis] || row.axis} ${activityText(row)}`).join(" \u00b7 ");
}

function line(words, value) {
  return value ? element("p", {}, element("strong", {}, words + ": "), value) : null;
}

// "cohort (n=12, 24 h)" in words.
function referenceWords(reference) {
  const found = reference.match(/^(.*) \(n=(\d+)(?:, (.*))?\)$/);
  if (!found) return reference;
  const [, kind, size, stratum] = found;
  const words = { cohort: "this cohort", controls: "the controls" }[kind] || kind.replace(/^frozen /, "the frozen reference ");
  return `${words}, ${size} samples${stratum ? ` of ${stratum}` : ""}`;
}

function placeInCohort(sample, compartment, state) {
  const known = state.core.filter((row) => row.compartment === compartment && row.activity !== "");
  const own = known.find((row) => row.sample === sample);
  if (!own) return "";
  const higher = known.filter((row) => Number(row.activity) > Number(own.activity)).length;
  return `rank ${higher + 1} of ${known.length} measured samples`;
}

function evidenceOf(call, compartment, rows, state) {
  const core = rows.find((row) => row.axis === about.stat3);
  const title = about.compartments[compartment];
  const called = call[compartment + "_state"];
  const part = element("details", { class: "evidence" });
  if (called !== undefined && (about.split ? compartment !== "bulk" : true)) part.setAttribute("open", "");
  const stateWord = called ? ` \u2013 ${called}` : "";
  if (!core || core.activity === "") {
    const reason = reasonText(core ? core.reason : "NOT_MEASURED");
    part.append(element("summary", {}, `${title}${stateWord || " \u2013 UNKNOWN"}`), element("p", { class: "unknown" }, `Unknown: ${reason || "no value"}. This is not the same as off.`));
    return part;
  }
  const scored = rows.filter((row) => about.panels.includes(row.axis) && row.activity !== "");
  // As in the evidence rule: a regulon votes only where the epithelial panel cannot.
  const panels = scored.some((row) => row.axis === "stat3_epithelial")
    ? scored.filter((row) => row.axis !== "stat3_regulon")
    : scored;
  const { table, lacking } = conditionsTable(core, panels);
  part.append(element("summary", {}, `${title}${stateWord}: activity ${activityText(core)}`));
  const p = number(core.p_value);
  const facts = [
    p === null ? null : `p ${small(p)}`,
    core.q_value === "" ? null : `q ${small(Number(core.q_value))}`,
    core.score === "" ? null : `score without rival axes t = ${signed(Number(core.score))}`,
    core.n_cells ? `${core.n_cells} cells` : null,
    core.fraction ? `${(100 * Number(core.fraction)).toFixed(0)} % of the sample` : null,
    core.reliability ? `reliability ${Number(core.reliability).toFixed(2)}` : null,
    placeInCohort(call.sample, compartment, state),
  ];
  part.append(element("p", {}, facts.filter(Boolean).join(" \u00b7 ")));
  const add = (made) => made && part.append(made);
  add(line("STAT3 panels", axisList(rows, about.panels)));
  add(line("Rival axes", axisList(rows, about.rivals)));
  add(line("Leading genes", core.leading_genes.replaceAll(";", ", ")));
  add(line("Compared with", referenceWords(core.reference)));
  part.append(table);
  if (!called) return part;
  add(line("What would change it", changeText(called, lacking, call).trim()));
  return part;
}

const MOST_DRIVERS = 15;
const DRIVER_WORDS = {
  "": "STAT3 is not on in this sample; what follows is expressed, but drives nothing that was seen.",
  none_found: "No ligand with a complete receptor is expressed where STAT3 is on, and no lesion is known.",
  not_assessed: "Not assessed: it takes compartments and a scale that tells expressed from not.",
};

// Signals to where STAT3 is on come first: those to where it is off drive nothing that was seen.
function bySeen(rows, call) {
  const seen = (row) => call[row.receiver === "tumour" ? "tumour_state" : "microenvironment_state"] === "ON";
  return [...rows.filter(seen), ...rows.filter((row) => !seen(row))];
}

function driversTable(rows) {
  if (!rows.length) return element("p", { class: "hint" }, "No ligand with a complete receptor reached the expression threshold.");
  const table = element("table");
  const heads = ["Route", "Ligand (log2 CPM)", "From", "Receptor (log2 CPM)", "In", "Kind"];
  table.append(element("thead", {}, element("tr", {}, ...heads.map((words) => element("th", { scope: "col" }, words)))));
  const log2 = (text) => (text === "" ? "unknown" : Number(text).toFixed(1));
  const body = rows.slice(0, MOST_DRIVERS).map((row) =>
    element("tr", {}, ...[row.mechanism, `${row.ligand.replaceAll(";", " + ")} (${log2(row.ligand_log2_cpm)})`, about.compartments[row.sender] || row.sender,
      `${row.receptor.replaceAll(";", " + ")} (${log2(row.receptor_log2_cpm)})`, about.compartments[row.receiver] || row.receiver, row.kind.replaceAll("_", " ") + (row.without_ambient === "False" ? " (gone without ambient RNA)" : "")]
      .map((words) => element("td", {}, words))),
  );
  table.append(element("tbody", {}, ...body));
  const more = rows.length - MOST_DRIVERS;
  const note = more > 0 ? element("p", { class: "hint" }, `${more} more in the drivers table.`) : null;
  return element("div", {}, table, ...(note ? [note] : []));
}

function lesionsTable(rows) {
  if (!rows.length) return null;
  const table = element("table");
  const heads = ["Gene", "Alteration", "Drives STAT3", "Effect", "Source"];
  table.append(element("thead", {}, element("tr", {}, ...heads.map((words) => element("th", { scope: "col" }, words)))));
  const body = rows.map((row) =>
    element("tr", {}, ...[row.gene, row.alteration, row.certainty, row.note ? `${row.effect} (${row.note})` : row.effect, row.source.replaceAll(";", " ")]
      .map((words) => element("td", {}, words))),
  );
  table.append(element("tbody", {}, ...body));
  const hint = "Genetic lesions of the tumour. They can drive STAT3; that they do is not shown, and they are no part of the call.";
  return element("div", {}, table, element("p", { class: "hint" }, hint));
}

function pairs(row, leaveOut) {
  const list = element("dl", { class: "facts" });
  for (const [name, value] of Object.entries(row)) {
    if (leaveOut.includes(name) || value === "" || value === undefined) continue;
    list.append(element("div", {}, element("dt", {}, name), element("dd", {}, value)));
  }
  return list;
}

function purityWords(call, state) {
  if (call.purity === "") return "";
  const row = state.tables.purity ? state.tables.purity.of(call.sample)[0] : null;
  const interval = row && row.low !== "" ? `, ${100 * about.level} % interval ${Number(row.low).toFixed(2)} to ${Number(row.high).toFixed(2)}` : "";
  return `${Number(call.purity).toFixed(2)}${interval}${call.purity_source ? ` (${call.purity_source})` : ""}`;
}

function fillCard(call, state) {
  const body = document.getElementById("card-body");
  document.getElementById("card-title").textContent = call.sample;
  const rows = state.profiles.of(call.sample);
  const head = element("p", {}, badge(call.call), ` \u00b7 confidence: ${call.confidence || "not given"} \u00b7 patient ${call.patient}`);
  body.replaceChildren(head, element("p", { class: "statement" }, call.statement));
  const codes = (call.reason_codes || "").split(";").filter(Boolean);
  if (codes.length) {
    body.append(element("h3", {}, "What limits the call"), element("ul", {}, ...codes.map((code) => element("li", {}, reasonText(code)))));
  }
  body.append(element("h3", {}, "Evidence"));
  for (const compartment of about.compartment_order) {
    const here = rows.filter((row) => row.compartment === compartment);
    body.append(evidenceOf(call, compartment, here, state));
  }
  const further = document.getElementById("card-more");
  further.replaceChildren(element("h3", {}, "Who may drive it"));
  further.append(element("p", {}, DRIVER_WORDS[call.driver || ""] || driverWords(call.driver)));
  further.append(element("p", { class: "hint" }, "By expression of ligand, receptor and kinase only; it shows a possible route, not that it is used."));
  further.append(...[lesionsTable(state.tables.lesions.of(call.sample)), driversTable(bySeen(state.drivers.of(call.sample), call))].filter(Boolean));
  const more = [
    ["Interferon activity", call.ifn_activity === "" ? "" : signed(Number(call.ifn_activity))],
    ["Non-canonical STAT3", call.noncanonical.replaceAll("_", " ")],
    ["Purity", purityWords(call, state)],
    ["Lineage with the highest activity", about.compartments[call.dominant_lineage] || call.dominant_lineage],
  ];
  further.append(...more.map(([words, value]) => line(words, value)).filter(Boolean));
  further.append(...cellsOf(call.sample, state));
  for (const [title, table, leaveOut] of [["Quality", state.qc, ["sample"]], ["From the sample sheet", state.sheet, ["sample", "patient"]]]) {
    const row = table ? table.of(call.sample)[0] : null;
    if (row) further.append(element("h3", {}, title), pairs(row, leaveOut));
  }
  return drawCard(rows);
}

function setUpCard(state) {
  const dialog = document.getElementById("card");
  const step = (by) => {
    const place = state.shown.findIndex((call) => call.sample === state.open);
    const next = state.shown[place + by];
    if (next) openCard(next.sample);
  };
  const openCard = (sample) => {
    const call = state.byName.get(sample);
    if (!call) return;
    state.open = sample;
    if (!dialog.open) dialog.showModal();
    document.body.classList.add("card-open");
    const place = state.shown.indexOf(call);
    document.getElementById("card-place").textContent = place < 0 ? "" : `${place + 1} of ${state.shown.length}`;
    document.getElementById("card-previous").disabled = place <= 0;
    document.getElementById("card-next").disabled = place < 0 || place >= state.shown.length - 1;
    dialog.scrollTop = 0;
    document.getElementById("card-title").focus();
    history.replaceState(null, "", "#sample=" + encodeURIComponent(sample));
    fillCard(call, state);
  };
  dialog.addEventListener("close", () => {
    document.body.classList.remove("card-open");
    history.replaceState(null, "", "#calls");
    const row = [...document.querySelectorAll("#calls-table tbody tr")].find((found) => found.dataset.sample === state.open);
    if (row) row.querySelector("button").focus();
  });
  document.getElementById("card-close").addEventListener("click", () => dialog.close());
  document.getElementById("card-previous").addEventListener("click", () => step(-1));
  document.getElementById("card-next").addEventListener("click", () => step(1));
  return openCard;
}
