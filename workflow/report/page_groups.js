"use strict";
// Groups of patients side by side: the chart, and the comparisons behind it.

const TESTS = {
  mann_whitney: "Mann-Whitney",
  wilcoxon_signed_rank: "Wilcoxon signed-rank, patients in both",
  too_few_patients: "not tested: too few patients",
};

// As the comparisons have it: samples of one patient in one group are averaged.
function patientMeans(rows) {
  const sums = new Map();
  for (const row of rows) {
    const group = row.group;
    if (!group || row.activity === "") continue;
    const key = `${group}\t${row.patient}`;
    const known = sums.get(key) || { group, patient: row.patient, sum: 0, count: 0 };
    known.sum += Number(row.activity);
    known.count += 1;
    sums.set(key, known);
  }
  return [...sums.values()];
}

function groupsTable(rows) {
  const table = element("table");
  const heads = ["Groups", "Patients", "Medians", "Shift (interval)", "Effect", "p", "q", "Test"];
  table.append(element("thead", {}, element("tr", {}, ...heads.map((words) => element("th", { scope: "col" }, words)))));
  const known = (text, words) => (text === "" ? element("span", { class: "unknown" }, "unknown") : words(Number(text)));
  const body = rows.map((row) => {
    const interval = intervalText(number(row.difference_low), number(row.difference_high));
    const cells = [
      `${row.group_a} \u2013 ${row.group_b}`,
      `${row.n_a}, ${row.n_b}`,
      element("span", {}, known(row.median_a, signed), ", ", known(row.median_b, signed)),
      row.difference === "" ? known("") : `${signed(Number(row.difference))}${interval ? ` (${interval})` : ""}`,
      known(row.effect, signed),
      known(row.p_value, small),
      known(row.q_value, small),
      TESTS[row.test] || row.test,
    ];
    return element("tr", {}, ...cells.map((cell, place) => element("td", { class: place && place < 7 ? "value" : null }, cell)));
  });
  table.append(element("tbody", {}, ...body));
  return table;
}

function drawMeans(means, compared) {
  const sizes = new Map();
  for (const { group } of means) sizes.set(group, (sizes.get(group) || 0) + 1);
  const rows = means.map(({ group, patient, sum, count }) => ({
    patient,
    group: `${group} (n=${sizes.get(group)})`,
    value: sum / count,
    text: signed(sum / count) + (count > 1 ? `, mean of ${count} samples` : ""),
  }));
  document.getElementById("groups-table").replaceChildren(groupsTable(compared));
  return draw("groups", "groups", { groups: rows }, rows.length, 40 * Math.max(sizes.size, 2));
}

function drawGroups(state, column, compartment) {
  const here = state.core.filter((row) => row.compartment === compartment);
  const means = patientMeans(here.map((row) => ({ ...row, group: state.meta.get(row.sample)?.[column] })));
  const compared = state.tables.groups.rows().filter((row) => row.column === column && row.compartment === compartment && row.axis === about.stat3);
  return drawMeans(means, compared);
}

async function setUpGroups(state) {
  const columns = about.groups.map((name) => [name, name]);
  const parts = about.compartment_order.map((name) => [name, about.compartments[name]]);
  const chosen = {};
  const redraw = () => drawGroups(state, chosen.column, chosen.part);
  const pick = (key) => (value) => {
    chosen[key] = value;
    redraw();
  };
  chosen.column = choose("#groups-column", columns, pick("column"));
  chosen.part = choose('[data-compartment="groups"]', parts, pick("part"));
  await redraw();
}
