// Merkle trees as in RFC 6962; the check of an audit path is RFC 9162 §2.1.3.2.

import { concat } from "./bytes.js";
import { sha256 } from "./digest.js";
import { Falsity } from "./refusal.js";

const leafHash = (leaf) => sha256(concat(Uint8Array.of(0), leaf));
const nodeHash = (left, right) => sha256(concat(Uint8Array.of(1), left, right));

/** The root that `leaf` at `index` of `count` leaves has under `siblings`, nearest first. */
export async function rootFromPath(leaf, index, count, siblings, pointer) {
  const bad = (detail) => new Falsity(detail, { code: "bad-path", pointer });
  if (index >= count) throw bad("leaf index outside the tree");
  const remaining = [...siblings];
  const next = () => {
    if (remaining.length === 0) throw bad("audit path is too short");
    return remaining.shift();
  };
  let current = await leafHash(leaf);
  // no bitwise operators: counts go up to 2^31, which does not fit a signed 32-bit integer
  for (let last = count - 1, at = index; last > 0; at = Math.floor(at / 2), last = Math.floor(last / 2)) {
    if (at % 2 === 1) current = await nodeHash(next(), current);
    else if (at < last) current = await nodeHash(current, next());
  }
  if (remaining.length > 0) throw bad("audit path is too long");
  return current;
}
