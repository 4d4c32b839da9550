"use strict";
// The page of an atlas: cohorts side by side, on the scale of one frozen reference.

function drawCohorts(tables, compartment) {
  const core = tables.activities.rowsWith(`\t${about.stat3}\t`).filter((row) => row.axis === about.stat3 && row.compartment === compartment);
  const means = patientMeans(core.map((row) => ({ ...row, group: row.cohort })));
  const compared = tables.comparisons.rows().filter((row) => row.compartment === compartment && row.axis === about.stat3);
  return drawMeans(means, compared);
}

async function startAtlas() {
  const tables = {};
  for (const name of Object.keys(about.tables)) tables[name] = new Table(await unpack(name));
  for (const button of document.querySelectorAll("[data-download]")) {
    button.addEventListener("click", () => downloadTable(button.dataset.download, tables[button.dataset.download]));
  }
  const parts = about.compartment_order.map((name) => [name, about.compartments[name]]);
  await drawCohorts(tables, choose('[data-compartment="groups"]', parts, (part) => drawCohorts(tables, part)));
  document.body.dataset.ready = "charts";
}

begin(startAtlas);
