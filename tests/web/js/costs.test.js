// What a request costs is told before it is sent, as the server will write it.

import assert from "node:assert/strict";
import test from "node:test";

import { cost, written } from "../../../static/js/costs.js";

test("every seller is paid for the rows that are not free of it", () => {
  assert.equal(cost([[500, 0]], 3), 1500);
  assert.equal(
    cost(
      [
        [500, 2],
        [100, 5],
      ],
      4,
    ),
    1000,
  );
  assert.equal(cost([], 10), 0);
});

test("an amount is written with all its places", () => {
  assert.equal(written(1500, "$"), "$0.0015");
  assert.equal(written(1_000_000, "$"), "$1.00");
  assert.equal(written(1, "$"), "$0.000001");
  assert.equal(written(100_000, "$"), "$0.10");
  assert.equal(written(1_234_500_000, "EUR "), "EUR 1,234.50");
});
