// What a certificate's outputs say in words, as the Python says it; numbers within what an FP32 holds.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { inWords } from "../../../static/js/verify/answers.js";
import { parse } from "../../../static/js/verify/certificate.js";
import { takenBy } from "../../../static/js/verify/check.js";

const cases = JSON.parse(readFileSync(process.env.ASSAY_WORDS));
const number = /-?\d+(\.\d+)?(e[-+]?\d+)?/g;

for (const [file, words] of cases) {
  const certificate = parse(new Uint8Array(readFileSync(new URL(`../../../docs/vectors/${file}`, import.meta.url))));

  test(`${file} answers ${words}`, () => {
    const said = inWords(takenBy(certificate), certificate.statement.outputs);
    assert.equal(said.replace(number, "#"), words.replace(number, "#"));
    const [ours, theirs] = [said, words].map((each) => (each.match(number) ?? []).map(Number));
    ours.forEach((value, i) => assert.ok(Math.abs(value - theirs[i]) <= 1e-6 * Math.abs(theirs[i]), `${value} is not ${theirs[i]}`));
  });
}
