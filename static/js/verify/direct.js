// Mode `direct`: the provider's signature must cover exactly this statement, and the statement must say what a
// statement of this mode says, word for word.

import { encode, shown } from "./cbor.js";
import { digest } from "./digest.js";
import { verified } from "./ed25519.js";
import { accepted } from "./interface.js";
import { rootFromPath } from "./merkle.js";
import { Falsity } from "./refusal.js";

const CAVEATS = [
  "Only the provider's signature stands behind this answer: nobody else ran the model or checked the result.",
  "It is not shown that the named model, or any model, produced these outputs.",
  "The time is the provider's word.",
  "An answer that was given is not thereby a correct one.",
];

export const anchor = ({ evidence }) => ({ kind: "provider", raw: evidence.provider, names: [evidence.provider] });

/** The interface of what was sent and answered. */
export const taken = ({ statement }) => statement.models[0].interface;

/** Checks in the order a reader follows them, each [name, what was found, async check that throws Falsity]. */
export function checks({ statement, evidence }) {
  let leaf;
  let root;
  return [
    ["outputs", "Its outputs fit the model's interface.", async () => fitting(statement)],
    ["wording", "It says what this mode says, caveats included, and nothing more.", async () => wording(statement)],
    ["statement", "The statement's digest was computed from its own bytes.", async () => {
      leaf = await digest("assay/direct/statement/1", encode(statement));
    }],
    ["path", `It is statement ${evidence.index + 1} of ${evidence.count} under one signed tree.`, async () => {
      root = await rootFromPath(leaf, evidence.index, evidence.count, evidence.path, "/evidence/path");
    }],
    ["signature", "The provider's key signed that tree (Ed25519).", async () => {
      if (!root) throw new Falsity("there is no root to check", { pointer: "/evidence/signature" });
      const signed = await digest("assay/direct/batch/1", encode({ count: evidence.count, root }));
      if (await verified(evidence.provider, "assay/direct/batch/1", signed, evidence.signature)) return;
      throw new Falsity("signature does not verify", { code: "bad-signature", pointer: "/evidence/signature" });
    }],
  ];
}

function fitting({ models, outputs }) {
  for (const model of models) {
    const ordered = accepted(model.interface.outputs, outputs, "/statement/outputs");
    if (ordered.some((tensor, i) => tensor !== outputs[i])) {
      throw new Falsity("outputs are not in the interface's order", { code: "wrong-statement", pointer: "/statement/outputs" });
    }
  }
}

function wording(statement) {
  if (!statement.target.startsWith("model:")) differs("target", "model:owner/name@version", statement.target);
  if (statement.models.length !== 1) differs("models", "exactly one model", `${statement.models.length} models`);
  if (statement.params.size !== 0) differs("params", "none", `${statement.params.size}`);
  if (statement.outcome !== "answered") differs("outcome", "answered", statement.outcome);
  if (statement.asserted_by !== "provider") differs("asserted_by", "provider", statement.asserted_by);
  if (JSON.stringify(statement.caveats) !== JSON.stringify(CAVEATS)) differs("caveats", "the caveats of mode direct", shown(statement.caveats));
}

function differs(field, expected, got) {
  throw new Falsity("not what this mode says", { code: "wrong-statement", pointer: `/statement/${field}`, expected, got });
}
