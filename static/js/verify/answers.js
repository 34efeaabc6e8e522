// Outputs in words, for people only: which label each row was given, or which numbers. As `sdk/assay/answers.py` reads them.
//
// For a certificate whose outputs were found to fit its interface; of any other nothing is said.

import { values } from "./tensor.js";

const MAX_ROWS = 10; // answers written out
const MAX_VALUES = 8; // of one row
const CONTESTED = "contested";
const DIGITS = 7; // of a number; more than an FP32 holds would look like what it is not

/** “8”, “8; 3; contested; … (20 rows)”, or the first output's numbers; empty where there is none. */
export function inWords({ labels, outputs: [, ...further] }, outputs) {
  const ofAGroup = further.map(({ name, datatype }) => `${name} ${datatype}`).join() === "decided BOOL,firm BOOL";
  const rows = outputs[0]?.shape[0] ?? 0;
  if (rows === 0) return "";
  const tables = outputs.map((tensor) => table(tensor, rows));
  const scores = tables.find(({ real, width }) => real && width === labels.length && width > 1);
  const classes = labels.length ? tables.find(({ whole, width }) => whole && width === 1) ?? scores : null;
  const words = Array.from({ length: Math.min(rows, MAX_ROWS) }, (_, i) => {
    if (ofAGroup && !tables[1].row(i)[0]) return CONTESTED;
    if (!classes) return numbers(tables[0].row(i));
    const row = classes.row(i);
    const index = classes === scores ? row.indexOf(Math.max(...row)) : Number(row[0]);
    return labels[index] ?? `class ${index}, which has no label`;
  });
  return words.join("; ") + (rows > MAX_ROWS ? `; … (${rows} rows)` : "");
}

function table(tensor, rows) {
  const all = values(tensor);
  const width = all.length / rows;
  return {
    width,
    real: tensor.datatype.startsWith("FP"),
    whole: /^U?INT/.test(tensor.datatype),
    row: (i) => all.slice(i * width, (i + 1) * width),
  };
}

function numbers(row) {
  const shown = row.slice(0, MAX_VALUES).map((value) => (typeof value === "number" ? String(Number(value.toPrecision(DIGITS))) : String(value)));
  return shown.join(", ") + (row.length > MAX_VALUES ? `, … (${row.length} values)` : "");
}
