// The check on the certificate's page and on /check: fetches or reads the bytes, runs the check, shows each finding.

import { inWords } from "./verify/answers.js";
import { fromHex, hex } from "./verify/bytes.js";
import { check } from "./verify/check.js";
import { tensorsFromJson } from "./verify/certificate.js";
import { available } from "./verify/ed25519.js";
import { written } from "./verify/refusal.js";
import { opened } from "./verify/receipt.js";

const TICK = "m3 8.5 3.5 3.5L13 4.5";
const CROSS = "m4 4 8 8m0-8-8 8";
const at = (id) => document.getElementById(id);
const section = at("verification");
let report = null;

function verdict(tone, words) {
  at("verdict").className = `state ${tone}`;
  at("verdict").textContent = words;
}

function line({ text: words, problem }) {
  const item = document.createElement("li");
  item.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${problem ? CROSS : TICK}" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/></svg>`;
  const span = document.createElement("span");
  span.textContent = problem ? `Not so: ${words}` : words;
  item.append(span);
  if (problem) {
    item.className = "false";
    const why = document.createElement("span");
    why.className = "problem";
    why.textContent = written(problem);
    item.append(why);
  }
  return item;
}

/** What the buyer sent and its salt, on the buyer's own page while the input is kept. */
function sent() {
  const embedded = at("sent");
  if (!embedded) return {};
  const { salt, inputs } = JSON.parse(embedded.textContent);
  return { salt: fromHex(salt), inputs: tensorsFromJson(inputs) };
}

/** What the report says beyond its own checks, as lines. */
function further(id) {
  const lines = [];
  if (id !== null && report.id) {
    const same = hex(report.id) === id;
    lines.push({ text: "Its SHA-256 is the id that this page is about.", problem: same ? null : new Error(`It is ${hex(report.id)}.`) });
  }
  if (report.inputMatches !== null) {
    lines.push({ text: "The input it speaks of is the one that you sent.", problem: report.inputMatches ? null : new Error("The salted digest is of another input.") });
  }
  return lines;
}

async function run(document_, id = null) {
  if (!(await available())) {
    verdict("warn", "Not checked");
    at("checks").replaceChildren(line({ text: "this browser can check signatures.", problem: new Error(
      globalThis.crypto?.subtle ? "It has no Ed25519. A newer one has; or check with the assay command." : "It offers its cryptography to secure (https) pages only. Open this page over https, or check with the assay command.") }));
    return;
  }
  verdict("busy", "Checking");
  report = await check(document_, sent());
  const lines = [...report.checks, ...further(id)];
  at("checks").replaceChildren(...lines.map(line));
  const valid = report.valid && lines.every(({ problem }) => problem === null);
  verdict(valid ? "verified" : "bad", valid ? "Valid" : "Not valid");
  at("pin").hidden = report.anchor === null;
}

/** The reader names a key, and the certificate is by it or is not. */
function compare(event) {
  event.preventDefault();
  const digits = at("pinned").value.trim().replace(/^ed25519:/, "").toLowerCase();
  const out = at("pin-verdict");
  if (!/^[0-9a-f]{64}$/.test(digits)) out.textContent = "That is not a public key: ed25519: and 64 hexadecimal digits.";
  else if (hex(fromHex(digits)) !== hex(report.anchor.raw)) out.textContent = `No. The signer is ed25519:${hex(report.anchor.raw)}.`;
  else out.textContent = report.valid ? "Yes. It is valid, and signed by that key." : "That key is named, but the certificate is not valid.";
}

/** Whose outcome, and the answer in words unless the outputs are not the model's. */
function said({ target, outcome, ...statement }) {
  const fit = report.checks.some(({ name, problem }) => name === "outputs" && problem === null);
  const words = fit ? inWords(statement) : "";
  return `${target.replace(/^model:/, "")} ${outcome}${words && ` “${words}”`}`;
}

async function read(file) {
  section.hidden = false;
  at("checked-name").textContent = file.name;
  at("summary").textContent = "";
  at("caveats").replaceChildren();
  at("caveats").hidden = true;
  report = null;
  const bytes = new Uint8Array(await file.arrayBuffer());
  await run(opened(bytes).certificate);
  if (!report?.certificate) return;
  const { statement } = report.certificate;
  at("summary").textContent = `${said(statement)}, by ed25519:${hex(report.anchor.raw)}, at ${new Date(statement.time).toISOString()}.`;
  const list = document.createElement("ul");
  list.append(...statement.caveats.map((caveat) => Object.assign(document.createElement("li"), { textContent: caveat })));
  at("caveats").hidden = false;
  at("caveats").append(Object.assign(document.createElement("p"), { className: "label", textContent: "What it does not say" }), list);
}

at("pin").addEventListener("submit", compare);
if (section.dataset.document) {
  const response = await fetch(section.dataset.document);
  if (response.ok) await run(new Uint8Array(await response.arrayBuffer()), section.dataset.id);
  else verdict("warn", "The certificate could not be fetched");
} else {
  const drop = at("drop");
  at("file").addEventListener("click", ({ target }) => (target.value = "")); // so that the same file, changed, is read again
  at("file").addEventListener("change", (event) => event.target.files[0] && read(event.target.files[0]));
  for (const name of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files[0]) read(event.dataTransfer.files[0]);
    });
  }
}
