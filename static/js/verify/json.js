// The JSON form of a certificate: RFC 8785, with white space between tokens allowed and nothing else.
// Byte strings are unpadded base64url; which texts are byte strings is known to the schema, not to JSON.

import { Refusal } from "./refusal.js";

const MAX_MARKS = 2 ** 20; // commas and opening brackets, those in texts included
const OUTSIDE_STRINGS = /("[^"\\]*(?:\\[^][^"\\]*)*")|[ \t\r\n]+/g;

/** Plain values, objects as Map. Refused unless canonical once white space outside strings is dropped. */
export function parse(written) {
  if (marks(written) > MAX_MARKS) throw new Refusal("too many values", { code: "too-large", expected: `at most ${MAX_MARKS} of , [ and {` });
  let plain, again, read;
  try {
    plain = JSON.parse(written);
    [again, read] = [canonical(plain), mapped(plain)];
  } catch (error) {
    throw new Refusal("not JSON", { code: "invalid-json", got: error.message }); // or nested beyond the stack
  }
  if (written.replace(OUTSIDE_STRINGS, "$1") !== again) throw new Refusal("JSON is not in canonical form", { code: "not-canonical" });
  return read;
}

function marks(written) {
  let count = 0;
  for (let i = 0; i < written.length; i++) if (",[{".includes(written[i])) count++;
  return count;
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
