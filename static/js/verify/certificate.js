// The certificate, version 1, as a schema: what `docs/certificate.cddl` says, field by field.
//
// `parse` promises only that the bytes have the right shape; whether anything in them is true is `check.js`'s.

import { text } from "./bytes.js";
import * as cbor from "./cbor.js";
import { interfaceOf } from "./group.js";
import { checkInterface } from "./interface.js";
import { parse as parseJson } from "./json.js";
import { boolean, bytes, dictionary, either, integer, list, oneOf, record, string, tagged } from "./schema.js";
import { checkTensor, MAX_TENSOR } from "./tensor.js";

const MAX_EPOCHS = 64; // of a group

const name = string({ least: 1, most: 128 });
const short = string({ most: 256 });
const datatype = string({ most: 8 });
const digest = bytes(32);
const axis = integer(-1, 2 ** 31 - 1);

const port = record({ name, datatype, shape: list(axis, { least: 1, most: 8 }) });

const preprocessing = tagged("kind", {
  none: record({ kind: oneOf("none") }),
  image: record({
    kind: oneOf("image"),
    input: name,
    height: integer(1, 4096),
    width: integer(1, 4096),
    channels: oneOf("gray", "rgb", "bgr"),
    invert: boolean,
    crop: boolean,
    levels: integer(1, 255),
    layout: oneOf("flat", "hwc", "chw"),
  }),
  row: record({
    kind: oneOf("row"),
    input: name,
    fields: list(record({ name, unit: short, example: short }), { least: 1, most: 4096 }),
  }),
});

const modelInterface = record({
  task: oneOf("classification", "regression", "other"),
  inputs: list(port, { least: 1, most: 16 }),
  outputs: list(port, { least: 1, most: 16 }),
  labels: list(short, { most: 10_000 }),
  preprocessing,
});

const model = record({ digest, interface: modelInterface });

const tensor = record({
  name,
  datatype,
  shape: list(integer(0, 2 ** 31 - 1), { most: 8 }),
  data: bytes(0, MAX_TENSOR),
});

const statement = record({
  request: bytes(16),
  target: string({ pattern: /^(model|group):[a-z0-9][a-z0-9/@._-]{0,199}$/ }),
  models: list(model, { least: 1, most: 64 }),
  params: dictionary(
    string({ pattern: /^[a-z][a-z0-9_]{0,63}$/ }),
    either(integer(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), string({ most: 1024 }), boolean),
    64,
  ),
  input: digest,
  outputs: list(tensor, { most: 16 }),
  outcome: oneOf("answered", "certified", "contested", "failed"),
  time: integer(0, 2 ** 48 - 1),
  asserted_by: string({ most: 64 }),
  caveats: list(string({ most: 512 }), { most: 16 }),
});

const direct = record({
  format: oneOf("assay-certificate/1"),
  mode: oneOf("direct"),
  statement,
  evidence: record({
    provider: bytes(32),
    index: integer(0, 2 ** 31 - 1),
    count: integer(1, 2 ** 31),
    path: list(digest, { most: 31 }),
    signature: bytes(64),
  }),
});

const place = integer(0, 2 ** 31 - 1);
const number = integer(0, Number.MAX_SAFE_INTEGER);
const time = integer(0, 2 ** 48 - 1);
const slug = string({ pattern: /^[a-z0-9][a-z0-9-]{0,62}$/ });
const span = integer(1, 24 * 3600 * 1000);
const member = integer(0, 15); // by its place in a configuration
const signed = record({ member, signature: bytes(64) });
const approved = record({ member, last: number, entry: digest, signature: bytes(64) });
const silent = (status) => record({ status: oneOf(status) });

const configuration = record({
  format: oneOf("assay-group/1"),
  slug,
  epoch: place,
  previous: digest,
  members: list(record({ owner: slug, key: bytes(32), address: string({ pattern: /^[!-~]{3,300}$/ }), model }), { least: 4, most: 16 }),
  inputs: list(port, { least: 1, most: 16 }),
  answer: tagged("kind", {
    labels: record({ kind: oneOf("labels"), labels: list(short, { least: 2, most: 10_000 }) }),
    values: record({ kind: oneOf("values"), scale: integer(1, 10 ** 9) }),
  }),
  aggregator: string({ most: 64 }),
  grace: span,
  horizon: span,
  copy_resistant: boolean,
});

const said = tagged("status", {
  answered: record({
    status: oneOf("answered"),
    model: digest,
    votes: list(integer(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), { least: 1, most: 1000 }),
  }),
  abstained: silent("abstained"),
  error: silent("error"),
  absent: silent("absent"),
  withheld: silent("withheld"),
});

const agreement = record({
  format: oneOf("assay-certificate/1"),
  mode: oneOf("agreement"),
  statement,
  evidence: record({
    epochs: list(
      record({ configuration, consents: list(bytes(64), { least: 4, most: 16 }), approvals: list(approved, { most: 16 }) }),
      { least: 1, most: MAX_EPOCHS },
    ),
    asked: record({ group: digest, client: bytes(32), id: bytes(16), input: digest, rows: integer(1, 1000), deadline: time, least: integer(0, 16) }),
    ended: record({ request: digest, outcome: oneOf("certified", "contested", "failed"), said: list(said, { least: 4, most: 16 }) }),
    index: place,
    path: list(digest, { most: 31 }),
    entry: record({ group: digest, epoch: place, number, parent: digest, time, content: digest, count: place, root: digest }),
    view: number,
    installed: digest,
    commits: list(signed, { least: 3, most: 16 }),
  }),
});

const certificate = tagged("mode", { direct, agreement });

/** Tensors from their JSON form, as parsed by JSON.parse. */
export function tensorsFromJson(plain) {
  const tensors = plain.map((each, i) => tensor(new Map(Object.entries(each)), `/${i}`, true));
  tensors.forEach((each, i) => checkTensor(each, `/${i}`));
  return tensors;
}

/** Reads CBOR, or JSON where the first byte that is not white space is `{`. Throws Refusal. */
export function parse(document) {
  const json = document[document.findIndex((byte) => !" \t\r\n\v\f".includes(String.fromCharCode(byte)))] === 0x7b;
  const parsed = json ? certificate(parseJson(text(document)), "", true) : certificate(cbor.decode(document), "", false);
  parsed.statement.outputs.forEach((each, i) => checkTensor(each, `/statement/outputs/${i}`));
  parsed.statement.models.forEach((each, i) => checkInterface(each.interface, `/statement/models/${i}/interface`));
  if (parsed.mode === "agreement") checkTaken(parsed.evidence.epochs);
  return parsed;
}

function checkTaken(epochs) {
  checkInterface(interfaceOf(epochs.at(-1).configuration), `/evidence/epochs/${epochs.length - 1}/configuration`);
}

/** The canonical bytes, whichever form it was read from. */
export const toCbor = (parsed) => cbor.encode(parsed);
