// Small readers that turn an untyped value into a checked one, or refuse it with a JSON pointer.
//
// A reader is a function (value, pointer, json). `json` says that the value came from JSON, where byte strings are
// base64url text; everything else is the same in both forms.

import { fromBase64url } from "./bytes.js";
import { shown } from "./cbor.js";
import { Refusal } from "./refusal.js";

const refuse = (pointer, expected, value) => {
  throw new Refusal("not what the format says", { pointer, expected, got: shown(value) });
};

export const integer = (least, most) => (value, pointer) =>
  Number.isSafeInteger(value) && value >= least && value <= most ? value : refuse(pointer, `an integer from ${least} to ${most}`, value);

export const boolean = (value, pointer) => (typeof value === "boolean" ? value : refuse(pointer, "true or false", value));

/** Text of at most `most` (at least `least`) Unicode characters that matches `pattern`. */
export const string = ({ least = 0, most = Infinity, pattern = null }) => (value, pointer) => {
  if (typeof value !== "string" || !value.isWellFormed()) return refuse(pointer, "text", value);
  const length = [...value].length;
  if (length < least || length > most) return refuse(pointer, `${least} to ${most} characters`, value);
  if (pattern && !pattern.test(value)) return refuse(pointer, `text matching ${pattern}`, value);
  return value;
};

export const oneOf = (...options) => (value, pointer) => (options.includes(value) ? value : refuse(pointer, options.join(" | "), value));

export const bytes = (least, most = least) => (value, pointer, json) => {
  const read = json && typeof value === "string" ? fromBase64url(value, pointer) : value;
  if (!(read instanceof Uint8Array) || (json && typeof value !== "string")) return refuse(pointer, "a byte string", value);
  return read.length >= least && read.length <= most ? read : refuse(pointer, `${least} to ${most} bytes`, value);
};

export const list = (item, { least = 0, most }) => (value, pointer, json) => {
  if (!Array.isArray(value) || value.length < least || value.length > most) return refuse(pointer, `${least} to ${most} items`, value);
  return value.map((each, i) => item(each, `${pointer}/${i}`, json));
};

/** A map with exactly these fields, as a plain object. */
export const record = (fields) => (value, pointer, json) => {
  if (!(value instanceof Map)) return refuse(pointer, "a map", value);
  for (const key of value.keys()) if (!Object.hasOwn(fields, key)) throw new Refusal("unknown field", { pointer: `${pointer}/${key}` });
  const entries = Object.entries(fields).map(([name, field]) => {
    if (!value.has(name)) throw new Refusal("a field is missing", { pointer: `${pointer}/${name}` });
    return [name, field(value.get(name), `${pointer}/${name}`, json)];
  });
  return Object.fromEntries(entries);
};

/** A map from texts to values, at most `most` of them, as a Map. */
export const dictionary = (name, item, most) => (value, pointer, json) => {
  if (!(value instanceof Map) || value.size > most) return refuse(pointer, `a map of at most ${most}`, value);
  return new Map([...value].map(([key, each]) => [name(key, pointer), item(each, `${pointer}/${key}`, json)]));
};

/** The first reader that takes the value. */
export const either = (...readers) => (value, pointer, json) => {
  for (const reader of readers) {
    try {
      return reader(value, pointer, json);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
  return refuse(pointer, "another kind of value", value);
};

/** One of several records, told apart by the text in `field`. */
export const tagged = (field, options) => (value, pointer, json) => {
  const tag = value instanceof Map ? value.get(field) : undefined;
  if (typeof tag !== "string" || !Object.hasOwn(options, tag)) return refuse(`${pointer}/${field}`, Object.keys(options).join(" | "), tag ?? null);
  return options[tag](value, pointer, json);
};
