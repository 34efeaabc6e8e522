// Deterministic CBOR (RFC 8949 §4.2.1) in Assay's profile: integers within ±(2^53−1), byte strings, UTF-8 text,
// arrays, maps whose keys are all text or all unsigned, booleans, null. Everything else is refused by offset.
//
// Maps become Map, byte strings Uint8Array; one value has one encoding, so encode(decode(bytes)) gives bytes back.

import { compare, concat, hex, text, utf8 } from "./bytes.js";
import { Refusal } from "./refusal.js";

const MAX_DEPTH = 32;
const MAX_ITEMS = 2 ** 18; // of all arrays and maps of one document
const MAX_BYTES = 128 * 1024 * 1024; // of one document
const [UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, , SIMPLE] = [0, 1, 2, 3, 4, 5, 6, 7];
const SIMPLE_VALUES = new Map([[0xf4, false], [0xf5, true], [0xf6, null]]);

/** The value that `bytes` is the canonical encoding of. */
export function decode(bytes) {
  if (bytes.length > MAX_BYTES) throw new Refusal("too large", { code: "too-large", expected: MAX_BYTES, got: bytes.length });
  const reader = new Reader(bytes);
  const value = reader.value(MAX_DEPTH);
  if (reader.at !== bytes.length) throw reader.refusal("trailing bytes after the value");
  return value;
}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
    this.left = MAX_ITEMS;
  }

  refusal(detail, expected = "", got = "", code = "not-canonical") {
    return new Refusal(detail, { code, pointer: `byte ${this.at}`, expected, got });
  }

  value(depth) {
    if (depth === 0) throw this.refusal("nested too deeply", `at most ${MAX_DEPTH} levels`, "more", "too-large");
    const initial = this.take(1)[0];
    const major = initial >> 5;
    if (major === SIMPLE) return this.simple(initial);
    const argument = this.argument(initial & 31);
    switch (major) {
      case UNSIGNED: return this.integer(argument);
      case NEGATIVE: return this.integer(-1 - argument);
      case BYTES: return this.take(argument).slice();
      case TEXT: return this.text(argument);
      case ARRAY: return Array.from({ length: this.countable(argument) }, () => this.value(depth - 1));
      case MAP: return this.map(this.countable(argument), depth);
      default: throw this.refusal("tags are not in this profile");
    }
  }

  simple(initial) {
    if (!SIMPLE_VALUES.has(initial)) throw this.refusal("floats and other simple values are not in this profile");
    return SIMPLE_VALUES.get(initial);
  }

  argument(short) {
    if (short < 24) return short;
    if (short > 27) throw this.refusal("indefinite or reserved length");
    const width = 1 << (short - 24);
    // above 2^53 this is not exact, but then it is out of range whatever its last bits are
    const argument = this.take(width).reduce((sum, byte) => sum * 256 + byte, 0);
    if (argument < (width === 1 ? 24 : 2 ** (4 * width))) throw this.refusal("not the shortest form");
    return argument;
  }

  integer(value) {
    if (!Number.isSafeInteger(value)) throw this.refusal("integer out of range", "within ±(2^53−1)");
    return value;
  }

  take(count) {
    const end = this.at + count;
    if (end > this.bytes.length) throw this.refusal("truncated", `${count} bytes`, `${this.bytes.length - this.at} bytes`);
    const taken = this.bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  text(count) {
    const taken = this.take(count);
    try {
      return text(taken);
    } catch {
      throw this.refusal("text is not UTF-8");
    }
  }

  countable(count) {
    // every item takes at least one byte, so a lying count is refused before anything is allocated for it
    if (count > Math.min(this.left, this.bytes.length - this.at)) throw this.refusal("more items than can follow", "", count, "too-large");
    this.left -= count;
    return count;
  }

  map(count, depth) {
    const entries = new Map();
    let previous = null;
    let kind = null;
    for (let i = 0; i < count; i++) {
      const start = this.at;
      const key = this.value(depth - 1);
      if (typeof key !== "string" && !(typeof key === "number" && key >= 0)) throw this.refusal("map keys must be text or unsigned");
      if (kind !== null && kind !== typeof key) throw this.refusal("map keys must be of one kind");
      const encoded = this.bytes.subarray(start, this.at);
      if (previous !== null && compare(encoded, previous) <= 0) throw this.refusal("map keys are not in order");
      [kind, previous] = [typeof key, encoded];
      entries.set(key, this.value(depth - 1));
    }
    return entries;
  }
}

/** The canonical encoding of a value as `decode` gives it; plain objects are taken as maps with text keys. */
export function encode(value) {
  if (value === null) return Uint8Array.of(0xf6);
  if (typeof value === "boolean") return Uint8Array.of(value ? 0xf5 : 0xf4);
  if (Number.isSafeInteger(value)) return value >= 0 ? head(UNSIGNED, value) : head(NEGATIVE, -1 - value);
  if (typeof value === "string") return prefixed(TEXT, utf8(value));
  if (value instanceof Uint8Array) return prefixed(BYTES, value);
  if (Array.isArray(value)) return concat(head(ARRAY, value.length), ...value.map(encode));
  if (value instanceof Map) return encodeMap([...value]);
  if (typeof value === "object") return encodeMap(Object.entries(value));
  throw new Refusal("no CBOR form in this profile", { got: typeof value });
}

function encodeMap(entries) {
  const encoded = entries.map(([key, item]) => [encode(key), encode(item)]).sort(([a], [b]) => compare(a, b));
  return concat(head(MAP, encoded.length), ...encoded.flat());
}

const prefixed = (major, bytes) => concat(head(major, bytes.length), bytes);

function head(major, argument) {
  if (argument < 24) return Uint8Array.of((major << 5) | argument);
  const width = argument < 2 ** 8 ? 1 : argument < 2 ** 16 ? 2 : argument < 2 ** 32 ? 4 : 8;
  const bytes = new Uint8Array(1 + width);
  bytes[0] = (major << 5) | (24 + Math.log2(width));
  for (let i = width, rest = argument; i > 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
  return bytes;
}

/** For messages: what a value is, briefly. */
export function shown(value) {
  if (value instanceof Uint8Array) return `${value.length} bytes ${hex(value.subarray(0, 8))}`;
  if (value instanceof Map) return "a map";
  if (Array.isArray(value)) return `${value.length} items`;
  return JSON.stringify(value)?.slice(0, 60) ?? typeof value;
}
