// SHA-256 with a domain tag: SHA-256(tag ‖ 0x00 ‖ payload), by the browser's own WebCrypto.

import { concat, utf8 } from "./bytes.js";
import { encode } from "./cbor.js";

export const tagged = (tag, payload) => concat(utf8(tag), Uint8Array.of(0), payload);

export const sha256 = async (payload) => new Uint8Array(await crypto.subtle.digest("SHA-256", payload));

export const digest = (tag, payload) => sha256(tagged(tag, payload));

/** What binds a model's file and the interface it is served with. */
export const commitment = (model) => digest("assay/model/1", encode(model));
