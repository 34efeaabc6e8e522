// Canonical CBOR: examples of RFC 8949, appendix A, that are in the profile; what is not in it is refused.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fromBase64url, fromHex, hex } from "../../../static/js/verify/bytes.js";
import { decode, encode } from "../../../static/js/verify/cbor.js";
import { accepted } from "../../../static/js/verify/interface.js";
import { parse } from "../../../static/js/verify/json.js";
import { Refusal } from "../../../static/js/verify/refusal.js";

const SAME = {
  "00": 0, 17: 23, 1818: 24, "1903e8": 1000, "1a000f4240": 1000000, "1b000000e8d4a51000": 1000000000000,
  "1b001fffffffffffff": Number.MAX_SAFE_INTEGER, 20: -1, "3903e7": -1000, f4: false, f5: true, f6: null,
  "62c3bc": "ü", "64f0908591": "\u{10151}", 80: [], "83010203": [1, 2, 3], "826161a161626163": ["a", new Map([["b", "c"]])],
  a0: new Map(), a201020304: new Map([[1, 2], [3, 4]]),
};

for (const [written, value] of Object.entries(SAME)) {
  test(`${written} is ${JSON.stringify(value)} both ways`, () => {
    assert.deepEqual(decode(fromHex(written)), value);
    assert.equal(hex(encode(value)), written);
  });
}

test("byte strings stay byte strings", () => {
  assert.equal(hex(encode(Uint8Array.of(1, 2))), "420102");
  assert.deepEqual(decode(fromHex("420102")), Uint8Array.of(1, 2));
});

const REFUSED = {
  "1817": "not shortest", "190001": "not shortest", "1b0020000000000000": "beyond 2^53-1", "3b001fffffffffffff": "below",
  "9fff": "indefinite", "f97e00": "a float", "c11a514b67b0": "a tag", f7: "undefined", "61ff": "not UTF-8",
  a2616201616101: "keys out of order", a2616101616101: "a key twice", a201026161: "two kinds of keys", a12001: "a negative key",
  "9a7fffffff": "a lying count", 4201: "truncated", "0000": "trailing", "": "nothing", [`${"81".repeat(40)}00`]: "too deep",
  a1f501: "a boolean key",
};

for (const [written, why] of Object.entries(REFUSED)) {
  test(`${why} is refused`, () => assert.throws(() => decode(fromHex(written)), Refusal));
}

test("a bomb of empty lists is refused, in CBOR and in JSON, and so is nesting without end", () => {
  const half = (n) => [0x9a, ...new Uint8Array(new Uint32Array([n]).buffer).reverse(), ...new Array(n).fill(0x80)];
  assert.throws(() => decode(Uint8Array.from([0x82, ...half(2 ** 17), ...half(2 ** 17)])), { code: "too-large" });
  assert.throws(() => parse(`[${"[],".repeat(2 ** 20)}[]]`), { code: "too-large" });
  assert.throws(() => parse("[".repeat(200_000) + "]".repeat(200_000)), { code: "invalid-json" });
});

test("names that only together look alike are refused", () => {
  const port = (name) => ({ name, datatype: "FP32", shape: [-1] });
  const tensor = (name) => ({ name, datatype: "FP32", shape: [1], data: new Uint8Array(4) });
  assert.throws(() => accepted([port("a\0b"), port("c")], [tensor("a"), tensor("b\0c")], ""), { code: "wrong-names" });
});

test("base64url has one spelling", () => {
  assert.deepEqual(fromBase64url("AQ"), Uint8Array.of(1));
  for (const written of ["AQ==", "AR", "A", "+w", "/w", "A Q"]) assert.throws(() => fromBase64url(written), Refusal);
});

test("JSON has one spelling but for white space", () => {
  assert.deepEqual(parse(' {"a" : [1, "x y"]}\n'), new Map([["a", [1, "x y"]]]));
  for (const written of ['{"b":1,"a":2}', '{"a":1.0}', '{"a":1e0}', '{"a":-0}', '"\\u0041"', '{"a":1,"a":1}', "\uFEFF{}"]) {
    assert.throws(() => parse(written), Refusal);
  }
});
