// Mode `agreement`: the group must have committed to this outcome of this request, and the statement must be what
// follows from it, field by field and word for word.

import { equal, hex } from "./bytes.js";
import { encode, shown } from "./cbor.js";
import { checkChain, lastBefore } from "./chain.js";
import { commitment, digest } from "./digest.js";
import { verified } from "./ed25519.js";
import { checkFitting, checkGenesis, interfaceOf, nameOf, quorum } from "./group.js";
import { rootFromPath } from "./merkle.js";
import { Falsity } from "./refusal.js";
import { outputs, tally } from "./tally.js";

const CAVEATS = [
  "Agreement is not truth: members whose models share a blind spot agree on a mistake.",
  "It holds only while at most f of the group's 3f + 1 members lie or fail.",
  "That the members are independent of each other is their owners' word.",
  "It is not shown that a member's model produced the vote that the member signed.",
  "A silent member may have been cut off; that it was silent is the word of those who committed.",
  "The time is the median of the clocks of the members who reported.",
];

/** By the digest of any of its epochs' configurations a group may be named; by the first it is. */
export async function anchor({ evidence: { epochs } }) {
  const names = await Promise.all(epochs.map(({ configuration }) => nameOf(configuration)));
  return { kind: "group", raw: names[0], names };
}

export const taken = ({ evidence }) => interfaceOf(configurationOf(evidence));

/** Of the epoch in which the entry stands. */
const configurationOf = ({ epochs }) => epochs.at(-1).configuration;

/** Checks in the order a reader follows them, each [name, what was found, async check that throws Falsity]. */
export function checks({ statement, evidence }) {
  const { epochs, asked, entry, commits } = evidence;
  const [genesis] = epochs;
  const { members } = configurationOf(evidence);
  const chain = `Epoch ${epochs.length - 1} follows from that: 2f + 1 members of each epoch before have signed the next one, as have all of its own.`;
  return [
    ["genesis", `All ${genesis.configuration.members.length} members have signed what the group “${genesis.configuration.slug}” is.`, () => checkGenesis(genesis, "/evidence/epochs/0")],
    ...(epochs.length > 1 ? [["epochs", chain, () => checkChain(epochs, "/evidence/epochs")]] : []),
    ["request", "The evidence speaks of one group, one request and all of its members.", () => checkTogether(evidence)],
    ["path", `It is outcome ${evidence.index + 1} of ${entry.count} in entry ${entry.number} of the group's log.`, () => checkPath(evidence)],
    ["commits", `${commits.length} of ${members.length} members have signed that entry (Ed25519).`, () => checkCommits(evidence)],
    ["votes", `The members' votes come to “${evidence.ended.outcome}”${asked.rows > 1 ? `, all ${asked.rows} rows together` : ""}.`, async () => checkOutcome(evidence)],
    ["wording", "The statement is what follows from the votes, caveats included, and nothing more.", () => checkStatement(statement, evidence)],
  ];
}

async function checkTogether({ epochs, asked, ended, entry }) {
  const group = await nameOf(epochs[0].configuration);
  const { epoch, members } = epochs.at(-1).configuration;
  same("/evidence/entry/group", group, entry.group);
  same("/evidence/entry/epoch", epoch, entry.epoch);
  const last = lastBefore(epochs.at(-1));
  if (epoch > 0 && entry.number <= last) {
    throw new Falsity("the epoch before had not ended", { code: "wrong-evidence", pointer: "/evidence/entry/number", expected: `above ${last}`, got: entry.number });
  }
  same("/evidence/asked/group", group, asked.group);
  same("/evidence/ended/request", await digest("assay/agreement/request/1", encode(asked)), ended.request);
  same("/evidence/ended/said", members.length, ended.said.length);
}

async function checkPath({ ended, index, path, entry }) {
  const leaf = await digest("assay/agreement/outcome/1", encode(ended));
  same("/evidence/entry/root", entry.root, await rootFromPath(leaf, index, entry.count, path, "/evidence/path"));
}

async function checkCommits({ epochs, entry, view, installed, commits }) {
  const { configuration } = epochs.at(-1);
  const { members } = configuration;
  const wrong = (detail, expected, got) => new Falsity(detail, { code: "wrong-quorum", pointer: "/evidence/commits", expected, got });
  const rising = commits.every(({ member }, i) => member < members.length && (i === 0 || commits[i - 1].member < member));
  if (!rising) throw wrong("not distinct members of the group, in their order", `rising numbers from 0 to ${members.length - 1}`, commits.map(({ member }) => member));
  if (commits.length < quorum(configuration)) throw wrong("too few members have committed", `at least ${quorum(configuration)}`, commits.length);
  const { group, epoch, number } = entry;
  const committed = await digest("assay/agreement/entry/1", encode(entry));
  const ballot = await digest("assay/agreement/commit/1", encode({ group, epoch, view, installed, number, entry: committed }));
  for (const [i, { member, signature }] of commits.entries()) {
    if (await verified(members[member].key, "assay/agreement/commit/1", ballot, signature)) continue;
    throw new Falsity("signature does not verify", { code: "bad-signature", pointer: `/evidence/commits/${i}/signature` });
  }
}

function checkOutcome(evidence) {
  const { outcome } = tally(evidence, "/evidence/ended/said");
  if (outcome === evidence.ended.outcome) return;
  throw new Falsity("not what the votes come to", { code: "wrong-outcome", pointer: "/evidence/ended/outcome", expected: outcome, got: evidence.ended.outcome });
}

async function checkStatement(statement, evidence) {
  const { asked, entry } = evidence;
  const configuration = configurationOf(evidence);
  const counted = tally(evidence, "/evidence/ended/said");
  const expected = {
    request: asked.id,
    target: `group:${configuration.slug}`,
    models: await voting(statement.models, evidence),
    params: { votes: asked.least },
    input: asked.input,
    outputs: outputs(counted, configuration),
    outcome: counted.outcome,
    time: entry.time,
    asserted_by: "group",
    caveats: CAVEATS,
  };
  for (const [field, value] of Object.entries(expected)) {
    if (equal(encode(value), encode(statement[field]))) continue;
    throw new Falsity("not what this mode says", { code: "wrong-statement", pointer: `/statement/${field}`, expected: shown(value), got: shown(statement[field]) });
  }
}

/** The models with which members answered, by who did first; where none did, those with which the epoch began. */
async function voting(named, evidence) {
  const { ended } = evidence;
  const configuration = configurationOf(evidence);
  const known = new Map();
  const began = await Promise.all(configuration.members.map(async ({ model }) => [hex(await commitment(model)), model]));
  for (const model of named) known.set(hex(await commitment(model)), model);
  for (const [name, model] of began) known.set(name, model);
  const answers = ended.said.filter(({ status }) => status === "answered").map(({ model }) => hex(model));
  const names = new Set(answers.length ? answers : began.map(([name]) => name));
  return [...names].map((name, i) => {
    if (!known.has(name)) {
      throw new Falsity("a model that has voted is not named", { code: "wrong-statement", pointer: "/statement/models", expected: `a model of commitment ${name}`, got: "none" });
    }
    checkFitting(configuration, known.get(name), `/statement/models/${i}`);
    return known.get(name);
  });
}

function same(pointer, expected, got) {
  if (equal(encode(expected), encode(got))) return;
  throw new Falsity("not what the rest of the evidence says", { code: "wrong-evidence", pointer, expected: shown(expected), got: shown(got) });
}
