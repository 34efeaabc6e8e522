// A receipt: a certificate with the salt that ties it to the buyer's input, {"certificate": {…}, "salt": "<hex>"}.

import { fromHex, text, utf8 } from "./bytes.js";
import { canonical, parse } from "./json.js";
import { Refusal } from "./refusal.js";

/** {certificate, salt}: a receipt's parts, or the document as it is and no salt where it is not a receipt. */
export function opened(document) {
  try {
    const written = text(document);
    const parts = parse(written);
    if (parts instanceof Map && [...parts.keys()].join() === "certificate,salt" && /^[0-9a-f]{64}$/.test(parts.get("salt"))) {
      return { certificate: utf8(canonical(JSON.parse(written).certificate)), salt: fromHex(parts.get("salt")) };
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
  return { certificate: document, salt: null };
}
