"use strict";
// Single cells: the picture and the clusters of one sample, gains and losses by arm, labels beside what was found.

// Either inside this page or, where the pictures of a cohort are too large for it, a file beside it.
function pictureOf(sample) {
  const words = `Cells of ${sample}: maps of lineage, malignant call and STAT3 activity; gains and losses along the genome`;
  const embedded = document.getElementById("picture-" + sample);
  if (embedded) {
    const source = "data:image/png;base64," + embedded.textContent;
    const link = element("a", { href: source, download: `${about.cohort}.${sample}.cells.png` }, "Save this picture (PNG)");
    return [element("img", { class: "cells", src: source, alt: words }), element("p", { class: "hint" }, link)];
  }
  const path = about.linked_pictures[sample];
  if (!path) return [];
  const link = element("a", { href: path.split("/").map(encodeURIComponent).join("/"), target: "_blank", rel: "noopener" }, path);
  return [element("p", {}, "The picture of its cells is a file beside this page: ", link)];
}

function clustersTable(rows) {
  const heads = ["Cluster", "Cells", "Lineage", "Malignant", "Non-malignant", "Uncertain", "Evidence (needed)", "Why uncertain"];
  const score = (value) => (value === "" ? "not tested" : Number(value).toFixed(1));
  const body = rows.map((row) => {
    const lineage = row.state && row.state !== row.lineage ? `${row.lineage} (${row.state})` : row.lineage;
    const evidence = row.evidence === "" ? "not tested" : `${score(row.evidence)} (${score(row.threshold)})`;
    const cells = [row.cluster, row.n_cells, lineage, row.n_malignant, row.n_non_malignant, row.n_uncertain, evidence, reasonText(row.reason)];
    return element("tr", {}, ...cells.map((words) => element("td", {}, words)));
  });
  const table = element("table");
  table.append(element("thead", {}, element("tr", {}, ...heads.map((words) => element("th", { scope: "col" }, words)))), element("tbody", {}, ...body));
  const scroll = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Clusters of the sample" }, table);
  return element("details", {}, element("summary", {}, `Clusters (${rows.length}) and their calls`), scroll);
}

function cellsOf(sample, state) {
  const clusters = state.tables.clusters ? state.tables.clusters.of(sample) : [];
  const parts = [...pictureOf(sample), ...(clusters.length ? [clustersTable(clusters)] : [])];
  return parts.length ? [element("h3", {}, "Cells"), ...parts] : [];
}

function drawArms(arms, samples) {
  const found = new Map();
  for (const row of arms) {
    if (!found.has(row.sample)) found.set(row.sample, new Map());
    found.get(row.sample).set(row.arm, row);
  }
  const rows = samples.flatMap((sample, index) =>
    about.arms.map((arm) => {
      const row = found.get(sample)?.get(arm);
      const missing = found.has(sample) ? "too few measured genes" : "no malignant cells, or nothing to compare them with";
      const text = row ? `${signed(Number(row.log2_ratio))} (${row.n_genes} genes)` : `unknown: ${missing}`;
      return { sample, rank: index + 1, arm, value: row ? number(row.log2_ratio) : null, text };
    }),
  );
  return draw("arms", "arms", { arms: rows }, rows.length / 5);
}

const KINDS = { lineage: "Lineage", malignant: "Malignant" };

// One table per kind of label: a row for each label, a column for each finding, summed over the samples.
function fillAgreement(rows) {
  const place = document.getElementById("agreement");
  for (const [kind, name] of Object.entries(KINDS)) {
    const own = rows.filter((row) => row.kind === kind);
    if (!own.length) continue;
    const counts = new Map();
    const [labels, findings] = ["label", "found"].map((column) => [...new Set(own.map((row) => row[column]))].sort());
    for (const row of own) {
      const pair = `${row.label}\t${row.found}`;
      counts.set(pair, (counts.get(pair) || 0) + Number(row.n_cells));
    }
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const same = labels.reduce((sum, label) => sum + (counts.get(`${label}\t${label}`) || 0), 0);
    const table = element("table");
    const heads = [`${name} by label`, ...findings.map((finding) => "found: " + finding)];
    table.append(element("thead", {}, element("tr", {}, ...heads.map((words) => element("th", { scope: "col" }, words)))));
    const body = labels.map((label) =>
      element("tr", {}, element("th", { scope: "row" }, label),
        ...findings.map((finding) => element("td", { class: label === finding ? "value same" : "value" }, String(counts.get(`${label}\t${finding}`) || 0)))),
    );
    table.append(element("tbody", {}, ...body));
    const share = ((100 * same) / total).toFixed(1);
    place.append(
      element("p", {}, element("strong", {}, `${name}: `), `${same} of ${total} cells (${share} %) were found to be what the label says.`),
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${name}: labels against findings` }, table),
    );
  }
}
