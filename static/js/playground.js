// The playground: gathers an input in one of several ways, asks, and follows the prediction until it has ended.
//
// What is shown of a prediction is made by the server (predictions/live.html); events only say that there is
// something new. Without them the part asks for itself again every two seconds.

import { call, notice, Problem } from "./api.js";
import { Drawing } from "./canvas.js";
import { cost, written } from "./costs.js";
import { hex } from "./verify/bytes.js";

const form = document.getElementById("ask");
const data = JSON.parse(document.getElementById("playground-data").textContent);
const costs = JSON.parse(document.getElementById("playground-costs").textContent);
const KEPT = `drawing ${location.pathname}`; // across a log-in
const at = (id) => document.getElementById(id);

let drawing = null;

const base64 = async (blob) => {
  const url = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(blob);
  });
  return url.slice(url.indexOf(",") + 1);
};

async function asPng(file) {
  if (file.type === "image/png") return file;
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Problem({ detail: "not a picture that this browser can read", got: file.name });
  });
  const canvas = Object.assign(document.createElement("canvas"), { width: bitmap.width, height: bitmap.height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

const content = (type, value) => [{ content_type: type, content: value }];

// way → the request's `inputs`
const GATHER = {
  async draw() {
    if (drawing.empty) throw new Problem({ detail: "nothing is drawn yet", hint: "Draw, or choose a sample." });
    return content("image/png", await base64(await drawing.png()));
  },
  async picture() {
    const [file] = at("picture").files;
    if (!file) throw new Problem({ detail: "no picture is chosen yet" });
    return content("image/png", await base64(await asPng(file)));
  },
  async sample() {
    return data.samples[form.elements.sample.value].inputs;
  },
  async row() {
    const fields = [...form.querySelectorAll("[data-field]")].map((field) => [field.dataset.field, field.value.trim()]);
    return content("application/json", Object.fromEntries(fields));
  },
  async csv() {
    return content("text/csv", at("csv").value);
  },
  async json() {
    try {
      return JSON.parse(at("json").value);
    } catch (error) {
      throw new Problem({ detail: "that is not JSON", got: error.message });
    }
  },
};

const way = () => form.elements.way?.value ?? data.ways[0];

function chooseWay() {
  for (const panel of form.querySelectorAll("[data-way]")) {
    panel.hidden = panel.dataset.way !== way();
    for (const field of panel.querySelectorAll("[required]")) field.disabled = panel.hidden;
  }
  for (const caveats of form.querySelectorAll("[data-mode-caveats]")) caveats.hidden = caveats.dataset.modeCaveats !== form.elements.mode.value;
}

/** How many rows would be sent; null where that shows only later. */
function rows() {
  try {
    if (way() === "csv") return Math.max(1, at("csv").value.trim().split("\n").length - 1);
    if (way() === "json") return Math.max(1, JSON.parse(at("json").value)[0].shape[0] | 0);
  } catch {
    return null; // it is not finished yet, or no tensor
  }
  return 1;
}

/** Micro-units that the request would cost at most; undefined where that shows only later. */
function most() {
  const sellers = costs[form.elements.mode.value];
  return sellers && rows() !== null ? cost(sellers, rows()) : undefined;
}

/** What was asked for has taken of the free rows. */
function used() {
  for (const seller of costs[form.elements.mode.value] ?? []) seller[1] = Math.max(0, seller[1] - (rows() ?? 0));
  showTotal();
}

/** What the request would cost at most, before it is sent. */
function showTotal() {
  const sellers = costs[form.elements.mode.value] ?? [];
  const count = rows() ?? 1;
  const amount = cost(sellers, count);
  const total = at("total");
  total.hidden = !sellers.length;
  total.textContent = `${count === 1 ? "This row costs" : `These ${count} rows cost`} ${amount ? `${written(amount, form.dataset.sign)} at most` : "you nothing"}.`;
}

/** A refusal; for want of money with the way to Billing. */
function refuse(error) {
  const box = notice(error);
  if (error.status === 402 && form.dataset.billing) {
    const link = Object.assign(document.createElement("a"), { href: form.dataset.billing, textContent: "Open Billing" });
    const line = document.createElement("p");
    line.append(link);
    box.append(line);
  }
  at("refusal").replaceChildren(box);
}

async function ask(event) {
  event.preventDefault();
  const button = at("get");
  at("refusal").replaceChildren();
  at("answer").replaceChildren();
  if (form.dataset.signedIn === "no") {
    if (drawing) sessionStorage.setItem(KEPT, JSON.stringify(drawing.strokes));
    location.assign(form.dataset.login);
    return;
  }
  button.disabled = true;
  try {
    const prediction = await call("POST", form.dataset.predictions, {
      json: { ...data.asked, inputs: await GATHER[way()](), verification: { mode: form.elements.mode.value }, most: most() },
      headers: { "Idempotency-Key": hex(crypto.getRandomValues(new Uint8Array(16))) },
    });
    used();
    await follow(prediction.id);
  } catch (error) {
    refuse(error);
  } finally {
    button.disabled = false;
    if (document.activeElement === document.body) button.focus({ preventScroll: true });
  }
}

async function follow(id) {
  const live = `${form.dataset.live}/${id}/live`;
  const answer = at("answer");
  await htmx.ajax("GET", live, { target: answer, swap: "innerHTML" });
  answer.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  if (answer.querySelector("[aria-busy=false]")) return;
  const events = new EventSource(`${form.dataset.predictions}/${id}/events`);
  const moved = () => document.body.dispatchEvent(new Event("moved"));
  for (const name of ["message", ...data.stages]) events.addEventListener(name, moved);
  document.addEventListener("htmx:afterSwap", function ended() {
    if (!answer.querySelector("[aria-busy=false]")) return;
    events.close();
    document.removeEventListener("htmx:afterSwap", ended);
  });
}

function prepareDrawing() {
  const canvas = at("drawing");
  if (!canvas) return;
  drawing = new Drawing(canvas, JSON.parse(sessionStorage.getItem(KEPT) ?? "[]"));
  sessionStorage.removeItem(KEPT);
  for (const button of form.querySelectorAll("[data-draw]")) button.addEventListener("click", () => drawing[button.dataset.draw]());
}

function preparePicture() {
  at("picture")?.addEventListener("change", ({ target }) => {
    const preview = at("picture-preview");
    URL.revokeObjectURL(preview.src);
    preview.hidden = target.files.length === 0;
    if (target.files.length) preview.src = URL.createObjectURL(target.files[0]);
    preview.onerror = () => (preview.hidden = true);
  });
}

function prepareRow() {
  at("fill")?.addEventListener("change", ({ target }) => {
    const { values } = data.samples[target.value];
    for (const [i, field] of [...form.querySelectorAll("[data-field]")].entries()) field.value = values[i];
  });
}

if (form) {
  prepareDrawing();
  preparePicture();
  prepareRow();
  chooseWay();
  showTotal();
  form.addEventListener("change", chooseWay);
  form.addEventListener("input", showTotal);
  form.addEventListener("submit", ask);
  at("get").disabled = !("ready" in at("get").dataset);
}
