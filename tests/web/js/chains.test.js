// The browser's check against the Python: certificates from any epoch, whole and damaged, are judged alike.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { fromHex } from "../../../static/js/verify/bytes.js";
import { check, trusted } from "../../../static/js/verify/check.js";

const { now, cases } = JSON.parse(readFileSync(process.env.ASSAY_CHAINS));

for (const [i, { document, groups, valid, pinned, epochs }] of cases.entries()) {
  test(`case ${i}`, async () => {
    const named = groups.map(fromHex);
    const report = await check(fromHex(document), { groups: named, now });
    const problems = report.checks.filter(({ problem }) => problem).map(({ problem }) => `${problem.pointer}: ${problem.message}`);
    assert.deepEqual([report.valid, report.pinned], [valid, pinned], problems.join("\n"));
    assert.deepEqual(report.anchor ? trusted(report.anchor, named) : [], epochs);
  });
}
