"use strict";
// The embedded tables. Each is the exact file, gzip and base64; rows are cut out of its text when they are asked for.

const about = JSON.parse(document.getElementById("about").textContent);

async function unpack(name) {
  const packed = atob(document.getElementById("table-" + name).textContent);
  const bytes = new Uint8Array(packed.length);
  for (let place = 0; place < packed.length; place++) bytes[place] = packed.charCodeAt(place);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).text();
}

function cutRecords(text) {
  let records = text.split("\n");
  if (text.includes('"')) {
    // A quoted cell may hold line ends: join lines until their quotes are even.
    const joined = [];
    let open = false;
    for (const line of records) {
      if (open) joined[joined.length - 1] += "\n" + line;
      else joined.push(line);
      if ((line.split('"').length - 1) % 2) open = !open;
    }
    records = joined;
  }
  if (records[records.length - 1] === "") records.pop();
  return records;
}

function cutCells(record) {
  if (!record.includes('"')) return record.split("\t");
  const cells = [];
  for (const part of record.split("\t")) {
    const last = cells.length - 1;
    const open = last >= 0 && (cells[last].split('"').length - 1) % 2;
    if (open) cells[last] += "\t" + part;
    else cells.push(part);
  }
  return cells.map((cell) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell));
}

class Table {
  constructor(text) {
    this.text = text;
    this.records = cutRecords(text);
    this.columns = cutCells(this.records.shift());
    this.bySample = null;
  }
  row(index) {
    const cells = cutCells(this.records[index]);
    const row = {};
    for (let column = 0; column < this.columns.length; column++) row[this.columns[column]] = cells[column];
    return row;
  }
  rows() {
    return this.records.map((_, index) => this.row(index));
  }
  // Records whose text holds all the words, as a quick sieve before rows are cut.
  rowsWith(...words) {
    const found = [];
    for (let index = 0; index < this.records.length; index++) {
      const record = this.records[index];
      if (words.every((word) => record.includes(word))) found.push(this.row(index));
    }
    return found;
  }
  of(sample) {
    if (!this.bySample) {
      const place = this.columns.indexOf("sample");
      this.bySample = new Map();
      this.records.forEach((record, index) => {
        const name = cutCells(record)[place];
        if (!this.bySample.has(name)) this.bySample.set(name, []);
        this.bySample.get(name).push(index);
      });
    }
    return (this.bySample.get(sample) || []).map((index) => this.row(index));
  }
}

const number = (text) => (text === "" || text === undefined ? null : Number(text));
const signed = (value, digits = 2) => (value < 0 ? "\u2212" : "+") + Math.abs(value).toFixed(digits);
const small = (value) => (value < 0.001 ? value.toExponential(1).replace("-", "\u2212") : value.toPrecision(2));

function intervalText(low, high) {
  return low === null || high === null ? "" : `${signed(low)} to ${signed(high)}`;
}

function reasonText(codes) {
  const list = (codes || "").split(";").filter(Boolean);
  return list.map((code) => (about.reasons[code] ? `${code}: ${about.reasons[code]}` : code)).join("; ");
}

function activityText(row) {
  const value = number(row.activity);
  if (value === null) return "unknown" + (row.reason ? ` (${reasonText(row.reason)})` : "");
  const interval = intervalText(number(row.ci_low), number(row.ci_high));
  return signed(value) + (interval ? ` (${interval})` : "");
}

function downloadTable(name, table) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([table.text], { type: "text/tab-separated-values" }));
  link.download = about.cohort + "." + about.tables[name].split("/").pop();
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// Everything a user wrote reaches the page as text nodes, never as markup.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Codes of the driver column as words: genetic_possible, microenvironment_internal.
const driverWords = (driver) => (driver || "").replaceAll("_", " ");

// What is asked first of a sample: its call, or, where nothing was split, the state of the whole sample.
const answerOf = (call) => call[about.answer_column];
const answerName = (call) => about.words[answerOf(call)]?.name || answerOf(call);

const SHAPES = {
  circle: "M5 0A5 5 0 1 0 5 10A5 5 0 1 0 5 0Z",
  square: "M.5 .5H9.5V9.5H.5Z",
  diamond: "M5 -1L11 5L5 11L-1 5Z",
  "triangle-down": "M0 1H10L5 10Z",
  cross: "M3.5 0H6.5V3.5H10V6.5H6.5V10H3.5V6.5H0V3.5H3.5Z",
};

function badge(code) {
  const made = element("span", { class: "call" });
  const words = about.words[code];
  if (words) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 10 10");
    svg.setAttribute("class", "mark");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", SHAPES[words.shape]);
    path.setAttribute("style", `fill: var(--${words.colour.replace("_", "-")})`);
    svg.append(path);
    made.append(svg);
  }
  made.append(words ? words.name : code);
  return made;
}
