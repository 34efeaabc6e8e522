// The browser's check, held to the published vectors: every certificate is judged as docs/vectors/index.json says.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { fromHex } from "../../../static/js/verify/bytes.js";
import { check } from "../../../static/js/verify/check.js";
import { opened } from "../../../static/js/verify/receipt.js";

const folder = new URL("../../../docs/vectors/", import.meta.url);
const index = JSON.parse(readFileSync(new URL("index.json", folder)));
const raw = (written) => fromHex(written.replace("ed25519:", ""));

/** As `assay verify` exits. */
const exit = ({ valid, pinned, inputMatches }) => (!valid || pinned === false || inputMatches === false ? 1 : pinned ? 0 : 3);

// what needs a picture or a table made into tensors is the Python's alone; the check of inputs is in inputs.test.js
const vectors = index.vectors.filter((vector) => !("input" in vector));

// a malformed document may be found out sooner or later in the reading; that it is malformed is what must agree
const MALFORMED = ["invalid", "invalid-json", "not-canonical", "too-large"];
const alike = (a, b) => a === b || (MALFORMED.includes(a) && MALFORMED.includes(b));

test("the vectors are there", () => assert.ok(vectors.length > 200));

for (const [i, vector] of vectors.entries()) {
  test(`${vector.file} (${i}) is judged as the index says`, async () => {
    const { certificate } = opened(new Uint8Array(readFileSync(new URL(vector.file, folder))));
    const named = Object.fromEntries(["providers", "groups", "models"].map((name) => [name, (vector[name] ?? []).map(raw)]));
    const report = await check(certificate, { ...named, now: index.now });
    assert.equal(exit(report), vector.exit);
    const codes = report.checks.filter(({ problem }) => problem).map(({ problem }) => problem.code);
    if (report.pinned === false) codes.push("not-pinned");
    if ("finding" in vector) assert.ok(codes.some((code) => alike(code, vector.finding)), `expected ${vector.finding}, got ${codes}`);
    else assert.deepEqual(codes, []);
  });
}
