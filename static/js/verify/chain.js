// The epochs of a group after its genesis: each is approved by 2f + 1 members of the one before, which has ended.

import { equal, hex } from "./bytes.js";
import { encode, shown } from "./cbor.js";
import { digest } from "./digest.js";
import { verified } from "./ed25519.js";
import { checkConfiguration, checkConsents, interfaceOf, nameOf, quorum } from "./group.js";
import { Falsity } from "./refusal.js";

const APPROVAL = "assay/agreement/group-approval/1";
const UNCHANGING = ["slug", "inputs", "answer", "aggregator", "copy_resistant"];

/** Number of the last entry before an epoch; 0 where it is the first. */
export const lastBefore = ({ approvals }) => approvals[0]?.last ?? 0;

/** Throws unless each epoch follows from the one before; that the first is a genesis has been checked by then. */
export async function checkChain(epochs, pointer) {
  const group = await nameOf(epochs[0].configuration);
  for (let i = 1; i < epochs.length; i++) await checkNext(group, epochs[i - 1], epochs[i], `${pointer}/${i}`);
}

async function checkNext(group, before, epoch, pointer) {
  checkConfiguration(epoch.configuration, `${pointer}/configuration`);
  await checkLinked(before.configuration, epoch.configuration, `${pointer}/configuration`);
  await checkConsents(epoch, pointer);
  await checkApproved(group, before.configuration, epoch, `${pointer}/approvals`);
  if (lastBefore(epoch) > lastBefore(before)) return;
  throw new Falsity("an epoch ends after the one before it", { code: "wrong-epoch", pointer: `${pointer}/approvals/0/last`, expected: `above ${lastBefore(before)}`, got: lastBefore(epoch) });
}

/** The next number, the digest of what comes before, and the same work. */
async function checkLinked(before, configuration, pointer) {
  const same = (where, expected, got) => {
    if (equal(encode(expected), encode(got))) return;
    throw new Falsity("does not follow the configuration before", { code: "wrong-epoch", pointer: `${pointer}/${where}`, expected: shown(expected), got: shown(got) });
  };
  same("epoch", before.epoch + 1, configuration.epoch);
  same("previous", await nameOf(before), configuration.previous);
  for (const name of UNCHANGING) same(name, before[name], configuration[name]);
  same("members/0/model/interface/preprocessing", interfaceOf(before).preprocessing, interfaceOf(configuration).preprocessing);
}

/** 2f + 1 different members of the epoch before agree on its last entry and on what follows. */
async function checkApproved(group, before, { configuration, approvals }, pointer) {
  const wrong = (detail, expected, got) => new Falsity(detail, { code: "wrong-quorum", pointer, expected, got });
  const size = before.members.length;
  const rising = approvals.every(({ member }, i) => member < size && (i === 0 || approvals[i - 1].member < member));
  if (!rising) throw wrong("not distinct members of the epoch before, in their order", `rising numbers from 0 to ${size - 1}`, approvals.map(({ member }) => member));
  if (approvals.length < quorum(before)) throw wrong("too few members of the epoch before have approved", `at least ${quorum(before)}`, approvals.length);
  const ends = new Set(approvals.map(({ last, entry }) => `${last} ${hex(entry)}`));
  if (ends.size !== 1) throw wrong("they disagree on the last entry before", "one number, one digest", "several");
  const [{ last, entry }] = approvals;
  const signed = await digest(APPROVAL, encode({ group, configuration: await nameOf(configuration), last, entry }));
  for (const [i, { member, signature }] of approvals.entries()) {
    if (await verified(before.members[member].key, APPROVAL, signed, signature)) continue;
    throw new Falsity("signature does not verify", { code: "bad-signature", pointer: `${pointer}/${i}/signature` });
  }
}
