// What the upload page reads from an ONNX file, and that broken files give nothing rather than an exception.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ports } from "../../../static/js/onnx.js";

const file = new Uint8Array(readFileSync(process.env.ASSAY_MODEL));

test("inputs that are not weights, and outputs, with their shapes", () => {
  assert.deepEqual(ports(file), {
    inputs: [{ name: "x", datatype: "FP32", shape: [-1, 4] }],
    outputs: [{ name: "scores", datatype: "FP32", shape: [-1, 3] }],
  });
});

test("no truncation of the file throws", () => {
  for (let size = 0; size < file.length; size++) ports(file.subarray(0, size));
});

test("no single flipped bit throws or hangs", () => {
  for (let i = 0; i < file.length; i++) {
    const changed = file.slice();
    changed[i] ^= 1 << (i % 8);
    ports(changed);
  }
});
