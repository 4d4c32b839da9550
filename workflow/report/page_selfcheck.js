"use strict";
// The self-check of a bulk reference: one axis at a time, as a chart and as a table.

const percent = (value) => (value === null ? "" : `${Math.round(100 * value)} %`);
const twoDigits = (value) => (value === null ? "" : value.toFixed(2));
const purityBin = (row) => `${Math.round(100 * row.purity_low)}-${Math.round(100 * row.purity_high)} %`;

function drawSelfcheck(rows) {
  const aims = { spearman: about.min_recovery, coverage: about.level };
  const data = [];
  for (const [column, measure] of Object.entries(about.selfcheck)) {
    for (const row of rows) {
      if (row[column] === "") continue;
      const compartment = about.compartments[row.compartment] || row.compartment;
      const place = { compartment, kind: row.kind, bin: purityBin(row), order: number(row.purity_low) };
      data.push({ ...place, measure, value: number(row[column]), aim: aims[column], n: number(row.n) });
    }
  }
  return draw("selfcheck", "selfcheck", { selfcheck: data }, data.length);
}

function fillSelfcheck(rows, calibration) {
  const heads = ["Compartment", "Estimated purity", "Mixtures", "Kind", "Rank correlation", "Loading", "Leak", "Intervals that hold", "Unknown", "Error of purity", "Half width (log2)"];
  const half = new Map(calibration.map((row) => [`${row.compartment}\t${row.purity_low}`, number(row.half_width)]));
  const value = (words) => element("td", { class: "value" }, words);
  const lines = rows.map((row) =>
    element(
      "tr",
      {},
      text(about.compartments[row.compartment] || row.compartment),
      text(purityBin(row)),
      value(row.n),
      text(row.kind),
      ...["spearman", "loading", "leak"].map((column) => value(twoDigits(number(row[column])))),
      ...["coverage", "share_unknown", "purity_error"].map((column) => value(percent(number(row[column])))),
      value(twoDigits(half.get(`${row.compartment}\t${row.purity_low}`) ?? null)),
    ),
  );
  const table = document.getElementById("selfcheck-table");
  table.replaceChildren(
    element("thead", {}, element("tr", {}, ...heads.map((words) => element("th", { scope: "col" }, words)))),
    element("tbody", {}, ...lines),
  );
}

async function setUpSelfcheck({ selfcheck, calibration }) {
  const all = selfcheck.rows();
  const halves = calibration.rows();
  const order = ["tumour", "microenvironment"];
  all.sort((a, b) => order.indexOf(a.compartment) - order.indexOf(b.compartment) || a.purity_low - b.purity_low);
  const show = (axis) => {
    const rows = all.filter((row) => row.axis === axis);
    fillSelfcheck(rows, halves.filter((row) => row.axis === axis));
    return drawSelfcheck(rows);
  };
  const tested = about.axis_order.filter((axis) => all.some((row) => row.axis === axis));
  await show(choose("#selfcheck-axis", tested.map((axis) => [axis, about.axes[axis] || axis]), show));
}
