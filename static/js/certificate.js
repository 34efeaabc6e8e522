// The check on the certificate's page and on /check: fetches or reads the bytes, runs the check, shows each finding.

import { inWords } from "./verify/answers.js";
import { fromHex, hex } from "./verify/bytes.js";
import { check, takenBy, trusted } from "./verify/check.js";
import { tensorsFromJson } from "./verify/certificate.js";
import { available } from "./verify/ed25519.js";
import { written } from "./verify/refusal.js";
import { opened } from "./verify/receipt.js";
import { byMember, whoseKeys } from "./verify/said.js";

const TICK = "m3 8.5 3.5 3.5L13 4.5";
const CROSS = "m4 4 8 8m0-8-8 8";
const ANCHORS = {
  provider: {
    question: "Whose signature do you expect?",
    form: "ed25519:…",
    none: "That is not a public key: ed25519: and 64 hexadecimal digits.",
    other: "No. The signer is",
    same: "Yes. It is valid, and signed by that key.",
    claimed: "That key is named, but the certificate is not valid.",
    written: (raw) => `ed25519:${hex(raw)}`,
  },
  group: {
    question: "Which group do you expect? The digest of its genesis, or of a later configuration:",
    form: "64 hexadecimal digits",
    none: "That is not a digest: 64 hexadecimal digits.",
    other: "No. The group is",
    same: "Yes. It is valid, and by that group.",
    claimed: "That group is named, but the certificate is not valid.",
    written: hex,
  },
};
const FITTING = { direct: "outputs", agreement: "wording" }; // the check that shows them to be the interface's
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
  if (report.anchor === null) return;
  const { question, form } = ANCHORS[report.anchor.kind];
  document.querySelector("label[for=pinned]").textContent = question;
  at("pinned").placeholder = form;
}

/** The reader names a key or a group, and the certificate is by it or is not. */
function compare(event) {
  event.preventDefault();
  const digits = at("pinned").value.trim().replace(/^ed25519:/, "").toLowerCase();
  const out = at("pin-verdict");
  const { kind, raw, names } = report.anchor;
  const words = ANCHORS[kind];
  if (!/^[0-9a-f]{64}$/.test(digits)) out.textContent = words.none;
  else if (!names.some((name) => hex(name) === digits)) out.textContent = `${words.other} ${words.written(raw)}.`;
  else out.textContent = report.valid ? words.same + alsoTrusted(fromHex(digits)) : words.claimed;
}

/** Of a group in a later epoch: whose keys one trusts who has named this. */
function alsoTrusted(named) {
  if (report.anchor.names.length < 2) return "";
  return ` To believe it is to trust ${whoseKeys(trusted(report.anchor, [named]))}.`;
}

/** Whose outcome, the answer in words unless the outputs are not the interface's, and who voted what. */
function said({ statement: { target, outcome, outputs }, mode, evidence }) {
  const fit = report.checks.some(({ name, problem }) => name === FITTING[mode] && problem === null);
  const words = fit ? inWords(takenBy(report.certificate), outputs) : "";
  const votes = mode === "agreement" ? ` (${byMember(evidence).join(", ")})` : "";
  return `${target.replace(/^(model|group):/, "")} ${outcome}${words && ` “${words}”`}${votes}`;
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
  const { kind, raw } = report.anchor;
  at("summary").textContent = `${said(report.certificate)}, by ${ANCHORS[kind].written(raw)}, at ${new Date(statement.time).toISOString()}.${alsoTrusted(raw)}`;
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
