// The check: bytes in, a report out. An implementation of its own, written from the format and not from the Python,
// and held to the same vectors (docs/vectors, tests/web/js). No network, no state.
//
// Three facts are kept apart, as in `assay verify`: valid (the evidence proves the statement), pinned (its anchor
// is the one the reader named), and whether the input is the one spoken of. A forger's certificate may well be valid.

import { equal } from "./bytes.js";
import { parse, toCbor } from "./certificate.js";
import { commitment, sha256 } from "./digest.js";
import * as agreement from "./agreement.js";
import * as direct from "./direct.js";
import { accepted } from "./interface.js";
import { Falsity, Refusal } from "./refusal.js";
import { inputDigest } from "./tensor.js";

const MODES = { direct, agreement };
const EARLIEST = 1_735_689_600_000; // 2025-01-01T00:00:00Z, before any certificate was made
const CLOCK_SKEW = 10 * 60 * 1000; // ms by which an honest clock may be ahead of ours

/**
 * `providers`, `groups`, `models`: what the reader named, 32 bytes each; a model only narrows, for any stranger can
 * sign for one. `salt` and `inputs` (tensors, in any order) where the reader has them.
 * Returns {certificate, id, valid, pinned, inputMatches, anchor, checks: [{name, text, problem}]}; `pinned` and
 * `inputMatches` are null where nothing was named or given.
 */
export async function check(document, { providers = [], groups = [], models = [], salt = null, inputs = null, now = Date.now() } = {}) {
  const report = { certificate: null, id: null, valid: false, pinned: null, inputMatches: null, anchor: null, checks: [] };
  const parsed = await run(report, "format", "It is a certificate: canonical, every field known and well formed.", async () => {
    report.certificate = parse(document);
    report.id = await sha256(toCbor(report.certificate));
  });
  if (!parsed) return report;

  const mode = MODES[report.certificate.mode];
  report.anchor = await mode.anchor(report.certificate);
  await run(report, "time", "Its time is plausible.", async () => plausible(report.certificate.statement.time, now));
  for (const [name, text, each] of mode.checks(report.certificate)) await run(report, name, text, each);
  report.valid = report.checks.every(({ problem }) => problem === null);

  report.pinned = await pinned(report, { provider: providers, group: groups }, models);
  if (salt && inputs) report.inputMatches = await matches(report.certificate.statement, takenBy(report.certificate), salt, inputs);
  return report;
}

/** The interface of what was sent and answered: a model's or a group's. */
export const takenBy = (certificate) => MODES[certificate.mode].taken(certificate);

/**
 * Of a group: the numbers of the epochs of which 2f + 1 members' keys are trusted, by a reader who names one of them or
 * the genesis: that one and all after it.
 */
export function trusted({ kind, names }, groups = []) {
  if (kind !== "group") return [];
  const since = names.findLastIndex((name) => groups.some((each) => equal(each, name)));
  return [...names.keys()].slice(Math.max(since, 0));
}

async function run(report, name, text, each) {
  let problem = null;
  try {
    await each();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    problem = error;
  }
  report.checks.push({ name, text, problem });
  return problem === null;
}

async function pinned({ certificate, anchor }, named, models) {
  const known = (list, raw) => list.some((each) => equal(each, raw));
  const anyone = Object.values(named).some((list) => list.length > 0);
  if (anyone && !anchor.names.some((each) => known(named[anchor.kind], each))) return false;
  for (const model of models.length ? certificate.statement.models : []) {
    if (!known(models, await commitment(model))) return false;
  }
  return anyone || null;
}

function plausible(time, now) {
  if (time >= EARLIEST && time <= now + CLOCK_SKEW) return;
  throw new Falsity("implausible time", { code: "wrong-time", pointer: "/statement/time", expected: `${EARLIEST} to ${now + CLOCK_SKEW}`, got: time });
}

async function matches(statement, taken, salt, inputs) {
  try {
    const ordered = accepted(taken.inputs, inputs, "/inputs");
    const answersEachRow = statement.outputs.every(({ shape }) => shape[0] === ordered[0].shape[0]);
    return answersEachRow && equal(await inputDigest(salt, ordered), statement.input);
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}
