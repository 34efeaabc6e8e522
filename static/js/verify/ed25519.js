// Strict Ed25519: WebCrypto's check, after refusing what libsodium refuses and browsers may not:
// points of small order, non-canonical encodings of points, and an S that is not reduced.

import { hex } from "./bytes.js";
import { tagged } from "./digest.js";

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

// y of the eight points of small order; of the four with order 8 it is ±this, a root of d·y⁴ + 2·y² − 1
const ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
const SMALL_ORDER_Y = new Set([0n, 1n, P - 1n, ORDER_8, P - ORDER_8]);

/** Whether this browser has Ed25519 at all. */
export async function available() {
  if (!globalThis.crypto?.subtle) return false;
  try {
    await importKey(Uint8Array.of(...BASE_POINT));
    return true;
  } catch {
    return false;
  }
}

/** Whether `signature` is the one by `key` over (tag, digest). */
export async function verified(key, tag, digest, signature) {
  if (!sound(key) || !sound(signature.subarray(0, 32)) || littleEndian(signature.subarray(32)) >= L) return false;
  try {
    return await crypto.subtle.verify("Ed25519", await importKey(key), signature, tagged(tag, digest));
  } catch (error) {
    if (error.name === "DataError") return false; // not a point of the curve
    throw error;
  }
}

const importKey = (raw) => crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);

const BASE_POINT = [0x58, ...new Array(31).fill(0x66)]; // a valid key

function sound(point) {
  const y = littleEndian(point) & (2n ** 255n - 1n);
  return y < P && !SMALL_ORDER_Y.has(y);
}

const littleEndian = (bytes) => BigInt(`0x${hex(Uint8Array.from(bytes).reverse())}`);
