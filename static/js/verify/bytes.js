// Bytes and their two written forms, strictly: one value has one spelling, every other spelling is refused.

import { Refusal } from "./refusal.js";

const HEX = /^(?:[0-9a-f]{2})*$/;
const BASE64URL = /^[A-Za-z0-9_-]*$/;

export const utf8 = (text) => new TextEncoder().encode(text);

/** Text from UTF-8, or a Refusal: nothing is replaced, no byte order mark is dropped. */
export function text(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refusal("not UTF-8", { code: "invalid-json", expected: "UTF-8" });
  }
}

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export function fromHex(digits) {
  if (!HEX.test(digits)) throw new Refusal("not hexadecimal", { expected: "pairs of 0-9 and a-f", got: digits.slice(0, 40) });
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

export function base64url(bytes) {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function fromBase64url(written, pointer = "") {
  const refusal = () => new Refusal("not base64url", { pointer, expected: "unpadded base64url", got: written.slice(0, 40) });
  if (!BASE64URL.test(written) || written.length % 4 === 1) throw refusal();
  const binary = atob(written.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  if (base64url(bytes) !== written) throw refusal(); // unused bits of the last character must be zero
  return bytes;
}

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const equal = (a, b) => compare(a, b) === 0;

/** Bytewise order; a prefix comes before what it is a prefix of. */
export function compare(a, b) {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}
