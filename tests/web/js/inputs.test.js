// Whether the input is the one that a certificate speaks of; what was sent comes from the Python's preprocessing.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { fromHex, hex } from "../../../static/js/verify/bytes.js";
import { parse, tensorsFromJson, toCbor } from "../../../static/js/verify/certificate.js";
import { check } from "../../../static/js/verify/check.js";
import { opened } from "../../../static/js/verify/receipt.js";

const cases = JSON.parse(readFileSync(process.env.ASSAY_SENT));
const document = (file) => new Uint8Array(readFileSync(new URL(`../../../docs/vectors/${file}`, import.meta.url)));

test("there are cases", () => assert.equal(cases.length, 6));

for (const { file, sent } of cases) {
  const inputs = tensorsFromJson(sent.inputs);
  const salt = fromHex(sent.salt);

  test(`${file}: the input that was sent matches`, async () => {
    const receipt = opened(document(file));
    assert.equal(hex(receipt.salt), sent.salt);
    assert.equal((await check(receipt.certificate, { salt, inputs })).inputMatches, true);
  });

  test(`${file}: with one bit of the input changed it does not`, async () => {
    const { certificate } = opened(document(file));
    const changed = structuredClone(inputs);
    changed[0].data[0] ^= 1;
    assert.equal((await check(certificate, { salt, inputs: changed })).inputMatches, false);
  });

  test(`${file}: with another salt it does not`, async () => {
    const { certificate } = opened(document(file));
    assert.equal((await check(certificate, { salt: new Uint8Array(32), inputs })).inputMatches, false);
  });

  test(`${file}: an answer with other rows than the input is not about it`, async () => {
    const parsed = parse(opened(document(file)).certificate);
    for (const output of parsed.statement.outputs) {
      output.shape[0] *= 2;
      output.data = Uint8Array.from([...output.data, ...output.data]);
    }
    assert.equal((await check(toCbor(parsed), { salt, inputs })).inputMatches, false);
  });

  test(`${file}: inputs of another shape do not`, async () => {
    const { certificate } = opened(document(file));
    const other = [{ ...inputs[0], shape: [...inputs[0].shape, 1] }];
    assert.equal((await check(certificate, { salt, inputs: other })).inputMatches, false);
  });
}
