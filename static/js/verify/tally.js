// What the members' votes come to: counted row by row, as every member has to count them.

import { AGGREGATORS } from "./aggregate.js";
import { faults, quorum } from "./group.js";
import { Falsity, Refusal } from "./refusal.js";

const FAILED = { outcome: "failed", decisions: [] };

/** {outcome, decisions: [{value or null, firm}]}; past the request's deadline it has failed, whatever was said. */
export function tally({ epochs, asked, ended, entry }, pointer) {
  const { configuration } = epochs.at(-1);
  ended.said.forEach((each, i) => checkWord(configuration, each, asked.rows, `${pointer}/${i}`));
  const answers = ended.said.filter(({ status }) => status === "answered");
  if (entry.time > asked.deadline || answers.length < quorum(configuration)) return FAILED;
  if (!Object.hasOwn(AGGREGATORS, configuration.aggregator)) throw new Refusal("no such aggregator", { code: "unknown-aggregator" });
  const absent = ended.said.filter(({ status }) => status === "absent" || status === "withheld").length;
  const decide = AGGREGATORS[configuration.aggregator];
  const decisions = Array.from({ length: asked.rows }, (_, row) =>
    decide(answers.map(({ votes }) => votes[row]), absent, faults(configuration), asked.least));
  return { outcome: decisions.every(({ value }) => value !== null) ? "certified" : "contested", decisions };
}

function checkWord({ answer, copy_resistant }, { status, votes }, rows, pointer) {
  const wrong = (detail, where, expected, got) => new Falsity(detail, { code: "wrong-vote", pointer: where, expected, got });
  if (status === "withheld" && !copy_resistant) throw wrong("withheld in a group whose members commit to nothing beforehand", pointer, "a word of a group that is not copy-resistant", status);
  if (status !== "answered") return;
  if (votes.length !== rows) throw wrong("not one vote for each row", `${pointer}/votes`, `${rows} votes`, votes.length);
  if (answer.kind !== "labels") return;
  const row = votes.findIndex((vote) => vote < 0 || vote >= answer.labels.length);
  if (row >= 0) throw wrong("a vote for no label of the group", `${pointer}/votes/${row}`, `0 to ${answer.labels.length - 1}`, votes[row]);
}

/** The tensors of a statement: by row the answer, whether there is one, whether the absent could change it. */
export function outputs({ outcome, decisions }, { answer }) {
  if (outcome === "failed") return [];
  const count = decisions.length;
  const flags = (name, of) => ({ name, datatype: "BOOL", shape: [count], data: Uint8Array.from(decisions, (each) => Number(of(each))) });
  const data = new DataView(new ArrayBuffer(8 * count));
  decisions.forEach(({ value }, i) => {
    if (answer.kind === "labels") data.setBigInt64(8 * i, BigInt(value ?? 0), true);
    else data.setFloat64(8 * i, (value ?? 0) / answer.scale, true);
  });
  const [name, datatype] = answer.kind === "labels" ? ["label", "INT64"] : ["value", "FP64"];
  return [
    { name, datatype, shape: [count], data: new Uint8Array(data.buffer) },
    flags("decided", ({ value }) => value !== null),
    flags("firm", ({ firm }) => firm),
  ];
}
