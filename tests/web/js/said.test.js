// Who voted what in a group, in words.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { parse } from "../../../static/js/verify/certificate.js";
import { byMember, whoseKeys } from "../../../static/js/verify/said.js";

const said = (name) => byMember(parse(new Uint8Array(readFileSync(new URL(`../../../docs/vectors/${name}.cbor`, import.meta.url)))).evidence);

for (const [name, expected] of [
  ["good/group-certified", ["asha voted one", "bruno voted one", "chidi voted two", "dana was silent"]],
  ["good/group-failed-unheard", ["asha was silent", "bruno had an error", "chidi abstained", "dana was silent"]],
  ["good/group-rows", ["asha voted no on row 1 of 2", "bruno voted no on row 1 of 2", "chidi voted yes on row 1 of 2", "dana voted no on row 1 of 2"]],
  ["good/group-median", ["asha voted 151.25", "bruno voted 9000000", "chidi voted 152.5", "dana voted 149"]],
  ["good/chain-of-two", ["asha voted one", "bruno voted one", "chidi voted two", "emeka was silent"]],
  ["good/chain-of-three", ["emeka voted one", "asha voted two", "farah voted one", "goran voted one"]],
  ["bad/group-signed-vote-for-no-label", ["asha voted one", "bruno voted one", "chidi voted class 3, which has no label", "dana voted one"]],
]) {
  test(name, () => assert.deepEqual(said(name), expected));
}

test("whose keys are trusted", () => {
  assert.deepEqual([[0], [2], [1, 2], [0, 1, 2]].map(whoseKeys), [
    "the keys of 2f + 1 members of epoch 0",
    "the keys of 2f + 1 members of epoch 2",
    "the keys of 2f + 1 members of each of epochs 1 and 2",
    "the keys of 2f + 1 members of each of epochs 0, 1 and 2",
  ]);
});
