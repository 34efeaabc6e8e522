// Uploading a model: what the file says fills the form in, the rest the owner says, and the bytes go in parts.
//
// The server knows how far an upload is, so a lost connection or a closed page costs nothing: after either, the parts
// go on from where it stands.

import { call, notice, Problem } from "./api.js";
import { ports } from "./onnx.js";
import { hex } from "./verify/bytes.js";

const PART = 4 * 1024 * 1024; // bytes of one PUT
const PAUSES = [1, 2, 4, 8, 15]; // seconds between attempts while the connection is down

const form = document.getElementById("upload");
const at = (id) => document.getElementById(id);
let file = null;
let made = form.dataset.model ?? null; // the model's name, once it exists
let slugTyped = false;

// --- the file -----------------------------------------------------------------------------------------------

async function choose(chosen) {
  file = chosen;
  at("refusal").replaceChildren();
  at("chosen").replaceChildren(Object.assign(document.createElement("b"), { textContent: file.name }), ` ${(file.size / 1024).toFixed(1)} KB`);
  if (form.dataset.version) return;
  if (at("title")?.value === "") {
    at("title").value = file.name.replace(/\.onnx$/i, "").replaceAll(/[-_]+/g, " ");
    nameFromTitle();
  }
  const found = ports(new Uint8Array(await file.arrayBuffer()));
  at("found").textContent = found ? `It takes ${said(found.inputs)} and gives ${said(found.outputs)}.` : "What it takes and gives could not be read here; it will be found out when the file is examined.";
  if (found) prefill(found);
}

const said = (list) => list.map(({ name, datatype, shape }) => `${name} (${datatype}, ${shape.map(axis).join(" × ")})`).join("; ");
/** As `assay check-model` says it. */
const axis = (length, i) => (length >= 0 ? length : i === 0 ? "rows" : "any");

/** Guesses; each may be overruled. */
function prefill({ inputs, outputs }) {
  at("inputs").replaceChildren(...inputs.map(({ name }) => Object.assign(document.createElement("option"), { value: name })));
  at("input").value = inputs[0].name;
  const [, ...row] = inputs[0].shape;
  const size = row.reduce((product, axis) => product * axis, 1);
  const side = Math.sqrt(size);
  if (inputs.length === 1 && row.length === 1 && Number.isInteger(side) && side >= 4) setImage(side, side, "gray", "flat");
  if (inputs.length === 1 && row.length === 3 && row[0] <= 3) setImage(row[1], row[2], row[0] === 1 ? "gray" : "rgb", "chw");
  if (inputs.length === 1 && row.length === 3 && row[2] <= 3) setImage(row[0], row[1], row[2] === 1 ? "gray" : "rgb", "hwc");
  const scores = outputs.find(({ datatype, shape }) => datatype.startsWith("FP") && shape.length === 2 && shape[1] > 1);
  if (scores) {
    at("task").value = "classification";
    if (at("labels").value === "") at("labels").value = Array.from({ length: scores.shape[1] }, (_, i) => i).join("\n");
  }
  showKinds();
}

function setImage(width, height, channels, layout) {
  Object.assign(at("width"), { value: width });
  Object.assign(at("height"), { value: height });
  at("channels").value = channels;
  at("layout").value = layout;
}

// --- the form -----------------------------------------------------------------------------------------------

function showKinds() {
  const kind = form.elements.kind.value;
  for (const part of form.querySelectorAll("[data-kind]")) show(part, part.dataset.kind.split(" ").includes(kind));
  for (const part of form.querySelectorAll("[data-task]")) show(part, part.dataset.task === at("task").value);
}

function show(part, visible) {
  part.hidden = !visible;
  for (const field of part.querySelectorAll("input, select, textarea")) field.disabled = !visible;
}

function nameFromTitle() {
  if (!slugTyped) at("name").value = at("title").value.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").slice(0, 40).replaceAll(/^-|-$/g, "");
  at("name-shown").textContent = at("name").value || "name";
}

const lines = (id) => at(id).value.split("\n").map((line) => line.trim()).filter(Boolean);

function preprocessing() {
  const kind = form.elements.kind.value;
  if (kind === "none") return { kind };
  if (kind === "row") {
    const fields = lines("columns").map((line) => {
      const [name, unit = "", example = ""] = line.split(",").map((part) => part.trim());
      return { name, unit, example };
    });
    return { kind, input: at("input").value, fields };
  }
  return {
    kind,
    input: at("input").value,
    width: at("width").valueAsNumber,
    height: at("height").valueAsNumber,
    levels: at("levels").valueAsNumber,
    channels: at("channels").value,
    layout: at("layout").value,
    invert: at("invert").checked,
    crop: at("crop").checked,
  };
}

function declaration() {
  const task = at("task").value;
  return { task, labels: task === "classification" ? lines("labels") : [], preprocessing: preprocessing() };
}

// --- sending ------------------------------------------------------------------------------------------------

async function send(event) {
  event.preventDefault();
  at("refusal").replaceChildren();
  at("send").disabled = true;
  try {
    if (!file) throw new Problem({ detail: "no file is chosen yet", hint: "Choose an ONNX file first." });
    if (file.size > Number(form.dataset.most)) throw new Problem({ detail: "the file is too large", expected: `at most ${form.dataset.most} bytes`, got: `${file.size} bytes` });
    await model();
    const number = form.dataset.version ?? (await version());
    form.dataset.version = number; // should sending fail, the next attempt goes on with this version
    await parts(`${base()}/versions/${number}/file`);
    location.assign(`${form.dataset.dashboard}/${form.dataset.owner}/${made}`);
  } catch (error) {
    at("refusal").replaceChildren(notice(error));
    at("refusal").scrollIntoView({ block: "center" });
    at("send").disabled = false;
  }
}

const base = () => `${form.dataset.models}/${form.dataset.owner}/${made}`;

async function model() {
  if (made) return;
  const name = at("name").value;
  await call("POST", form.dataset.models, {
    json: { name, title: at("title").value, task: at("task").value, summary: at("summary").value, licence: at("licence").value },
  });
  made = name;
}

async function version() {
  const sha256 = crypto.subtle ? hex(new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()))) : null;
  const announced = await call("POST", `${base()}/versions`, { json: { weights: "delivered", size: file.size, sha256, interface: declaration() } });
  return announced.number;
}

async function parts(url) {
  at("progress").hidden = false;
  let { offset, size } = await call("GET", url);
  if (size !== file.size) throw new Problem({ detail: "this is another file", expected: `${size} bytes`, got: `${file.size} bytes` });
  for (let failures = 0; offset < size; ) {
    progress(offset, size);
    try {
      ({ offset } = await call("PUT", url, {
        body: file.slice(offset, offset + PART),
        headers: { "Content-Type": "application/octet-stream", "Upload-Offset": String(offset) },
      }));
      failures = 0;
    } catch (error) {
      offset = await recovered(url, error, failures++);
    }
  }
  progress(size, size);
}

/** Where to go on after a part failed; throws what cannot be helped by trying again. */
async function recovered(url, error, failures) {
  const passing = !(error instanceof Problem) || error.status >= 500 || ["wrong-offset", "upload-busy"].includes(error.code);
  if (!passing || failures >= PAUSES.length) throw error instanceof Problem ? error : new Problem({ detail: "the connection was lost", hint: "What has arrived is kept. Press Upload to go on." });
  at("progress-words").textContent = "Connection lost. Trying again…";
  await new Promise((resolve) => setTimeout(resolve, PAUSES[failures] * 1000));
  try {
    return (await call("GET", url)).offset;
  } catch (again) {
    return recovered(url, again, failures + 1);
  }
}

function progress(offset, size) {
  at("bar").value = offset / size;
  at("progress-words").textContent = `${Math.floor((100 * offset) / size)} % of ${(size / 1024).toFixed(1)} KB sent`;
}

// --- wiring -------------------------------------------------------------------------------------------------

const drop = at("drop");
at("file").addEventListener("click", ({ target }) => (target.value = "")); // so that the same file, mended, is a change
at("file").addEventListener("change", ({ target }) => target.files[0] && choose(target.files[0]));
for (const name of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files[0]) choose(event.dataTransfer.files[0]);
  });
}
form.addEventListener("submit", send);
at("send").disabled = false; // not before: the form would be sent as an address
if (!form.dataset.version) {
  form.addEventListener("change", showKinds);
  at("title")?.addEventListener("input", nameFromTitle);
  at("name")?.addEventListener("input", () => {
    slugTyped = true;
    nameFromTitle();
  });
  showKinds();
}
