// The JSON form of a certificate: RFC 8785, with white space between tokens allowed and nothing else.
// Byte strings are unpadded base64url; which texts are byte strings is known to the schema, not to JSON.

import { Refusal } from "./refusal.js";

const OUTSIDE_STRINGS = /("[^"\\]*(?:\\[^][^"\\]*)*")|[ \t\r\n]+/g;

/** Plain values, objects as Map. Refused unless canonical once white space outside strings is dropped. */
export function parse(written) {
  let plain;
  try {
    plain = JSON.parse(written);
  } catch (error) {
    throw new Refusal("not JSON", { code: "invalid-json", got: error.message });
  }
  if (written.replace(OUTSIDE_STRINGS, "$1") !== canonical(plain)) {
    throw new Refusal("JSON is not in canonical form", { code: "not-canonical" });
  }
  return mapped(plain);
}

/** RFC 8785 for values without floats, whose keys are ASCII. */
export function canonical(plain) {
  if (Array.isArray(plain)) return `[${plain.map(canonical).join(",")}]`;
  if (plain === null || typeof plain !== "object") return JSON.stringify(plain);
  return `{${Object.keys(plain).sort().map((key) => `${JSON.stringify(key)}:${canonical(plain[key])}`).join(",")}}`;
}

function mapped(plain) {
  if (Array.isArray(plain)) return plain.map(mapped);
  if (plain === null || typeof plain !== "object") return plain;
  return new Map(Object.entries(plain).map(([key, value]) => [key, mapped(value)]));
}
