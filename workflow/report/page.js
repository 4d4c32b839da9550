"use strict";
// Puts the page together: tables first, then the charts one after the other, so that the page answers early.

async function start() {
  const names = Object.keys(about.tables);
  const state = { tables: {}, open: null, shown: [] };
  for (const name of names) state.tables[name] = new Table(await unpack(name));
  state.sheet = document.getElementById("table-sheet") ? new Table(await unpack("sheet")) : null;
  const { calls, activation_profiles: profiles, drivers, qc, composition } = state.tables;
  Object.assign(state, { calls: calls.rows(), profiles, drivers, qc });
  state.byName = new Map(state.calls.map((call) => [call.sample, call]));
  const sheet = state.sheet ? state.sheet.rows() : [];
  state.meta = new Map(sheet.map((row) => [row.sample, row]));
  state.core = profiles.rowsWith(`\t${about.stat3}\t`).filter((row) => row.axis === about.stat3);
  const openCard = setUpCard(state);
  setUpCalls(state, openCard);
  for (const button of document.querySelectorAll("[data-download]")) {
    button.addEventListener("click", () => downloadTable(button.dataset.download, state.tables[button.dataset.download]));
  }
  document.body.dataset.ready = "tables";
  performance.mark("tables");

  if (about.split) {
    const options = [["call", "call"], ...Object.keys(about.metadata).map((name) => [name, name])];
    await drawCompartments(state.calls, sheet, choose("#colour-by", options, (by) => drawCompartments(state.calls, sheet, by)));
  } else await drawRanked(profiles, state.byName);
  const parts = about.compartment_order.map((name) => [name, about.compartments[name]]);
  await drawInterferon(profiles, state.byName, choose('[data-compartment="interferon"]', parts, (part) => drawInterferon(profiles, state.byName, part)));
  await drawHeatmap(profiles, state.byName, choose('[data-compartment="heatmap"]', parts, (part) => drawHeatmap(profiles, state.byName, part)));
  if (about.groups.length) await setUpGroups(state);
  await drawQuality(qc.rows(), composition.rows());
  if (about.arms.length) await drawArms(state.tables.arms.rows(), state.calls.map((call) => call.sample));
  if (document.getElementById("agreement")) fillAgreement(state.tables.agreement.rows());
  if (about.charts.selfcheck) await setUpSelfcheck(state.tables);
  if (state.tables.expected) fillExpected(state.tables.expected.rows());
  if (state.tables.phospho) await drawPhospho(state.tables.phospho.rows());
  document.body.dataset.ready = "charts";
  performance.mark("charts");
  const linked = location.hash.match(/^#sample=(.*)$/);
  if (linked) openCard(decodeURIComponent(linked[1]));
}

begin(start);
