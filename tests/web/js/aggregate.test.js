// The aggregators, held to those of the Python on votes drawn from a seed.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { AGGREGATORS } from "../../../static/js/verify/aggregate.js";

const cases = JSON.parse(readFileSync(process.env.ASSAY_VOTES));

test("there are cases", () => assert.ok(cases.length > 1000));

test("every rule decides as the Python does", () => {
  for (const [name, votes, absent, f, least, value, firm] of cases) {
    assert.deepEqual(AGGREGATORS[name](votes, absent, f, least), { value, firm }, JSON.stringify([name, votes, absent, f, least]));
  }
});
