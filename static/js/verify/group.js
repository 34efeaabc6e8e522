// A group: its configurations, each signed by all of its members; the digest of the first, the genesis, is its name.

import { equal } from "./bytes.js";
import { AGGREGATORS, ofLabels } from "./aggregate.js";
import { encode } from "./cbor.js";
import { digest } from "./digest.js";
import { verified } from "./ed25519.js";
import { checkInterface } from "./interface.js";
import { Falsity, Refusal } from "./refusal.js";

const SIZES = [4, 7, 10, 13, 16];
const rows = (name, datatype) => ({ name, datatype, shape: [-1] });

export const faults = ({ members }) => Math.floor((members.length - 1) / 3);
export const quorum = (configuration) => 2 * faults(configuration) + 1;
export const nameOf = (configuration) => digest("assay/agreement/group/1", encode(configuration));

/** What a group is sent and answers, for every row: which no single model of it has. */
export function interfaceOf({ inputs, answer, members }) {
  const labelled = answer.kind === "labels";
  return {
    task: labelled ? "classification" : "regression",
    inputs,
    outputs: [labelled ? rows("label", "INT64") : rows("value", "FP64"), rows("decided", "BOOL"), rows("firm", "BOOL")],
    labels: labelled ? answer.labels : [],
    preprocessing: members[0].model.interface.preprocessing,
  };
}

/** A model must take what the group is asked, and answer with what is voted for. */
export function checkFitting(configuration, model, pointer) {
  checkInterface(model.interface, `${pointer}/interface`);
  const wanted = interfaceOf(configuration);
  for (const name of ["task", "inputs", "labels", "preprocessing"]) {
    if (equal(encode(wanted[name]), encode(model.interface[name]))) continue;
    throw new Refusal(`the model's ${name} must be the group's`, { code: "wrong-interface", pointer: `${pointer}/interface/${name}` });
  }
}

/** Throws unless this is the beginning of a group, and every member has signed it. */
export async function checkGenesis({ configuration, consents, approvals }, pointer) {
  const at = `${pointer}/configuration`;
  checkConfiguration(configuration, at);
  if (configuration.epoch !== 0 || configuration.previous.some((byte) => byte !== 0) || approvals.length > 0) {
    throw new Falsity("not a genesis", { code: "wrong-epoch", pointer: `${at}/epoch`, expected: "epoch 0, with nothing before it", got: `epoch ${configuration.epoch}` });
  }
  await checkConsents({ configuration, consents }, pointer);
}

/** Throws unless every member of a configuration has signed it. */
export async function checkConsents({ configuration, consents }, pointer) {
  const { members } = configuration;
  if (consents.length !== members.length) {
    throw new Falsity("not every member has signed", { code: "wrong-quorum", pointer: `${pointer}/consents`, expected: members.length, got: consents.length });
  }
  const signed = await nameOf(configuration);
  for (const [i, { key }] of members.entries()) {
    if (await verified(key, "assay/agreement/group/1", signed, consents[i])) continue;
    throw new Falsity("signature does not verify", { code: "bad-signature", pointer: `${pointer}/consents/${i}` });
  }
}

/** Throws unless it is one in which a vote means something. */
export function checkConfiguration(configuration, pointer) {
  const { members, aggregator, answer } = configuration;
  const refuse = (detail, code, field, expected, got) => {
    throw new Refusal(detail, { code, pointer: `${pointer}/${field}`, expected, got });
  };
  if (!SIZES.includes(members.length)) refuse("not a size that a group can have", "wrong-size", "members", SIZES.join(" | "), members.length);
  for (const name of ["owner", "key"]) {
    const distinct = new Set(members.map((member) => String(member[name])));
    if (distinct.size !== members.length) refuse(`two members have the same ${name}`, "same-member", "members", members.length, distinct.size);
  }
  members.forEach(({ model }, i) => checkFitting(configuration, model, `${pointer}/members/${i}/model`));
  const known = Object.keys(AGGREGATORS);
  if (aggregator === "mean") refuse("one liar moves a plain mean at will", "unsafe-aggregator", "aggregator", known.join(" | "), aggregator);
  if (!known.includes(aggregator)) refuse("no such aggregator", "unknown-aggregator", "aggregator", known.join(" | "), aggregator);
  if ((answer.kind === "labels") !== ofLabels(aggregator)) refuse("this aggregator does not count that kind of vote", "wrong-aggregator", "aggregator", "", aggregator);
}
