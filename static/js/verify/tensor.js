// A named tensor: datatype, shape and little-endian bytes that must agree with each other.

import { encode } from "./cbor.js";
import { digest } from "./digest.js";
import { Refusal } from "./refusal.js";

export const MAX_TENSOR = 64 * 1024 * 1024; // bytes

// name → [bytes per element, reader of one element]
export const DATATYPES = {
  BOOL: [1, (view, at) => view.getUint8(at)],
  UINT8: [1, (view, at) => view.getUint8(at)],
  UINT16: [2, (view, at) => view.getUint16(at, true)],
  UINT32: [4, (view, at) => view.getUint32(at, true)],
  UINT64: [8, (view, at) => view.getBigUint64(at, true)],
  INT8: [1, (view, at) => view.getInt8(at)],
  INT16: [2, (view, at) => view.getInt16(at, true)],
  INT32: [4, (view, at) => view.getInt32(at, true)],
  INT64: [8, (view, at) => view.getBigInt64(at, true)],
  FP16: [2, (view, at) => half(view.getUint16(at, true))],
  FP32: [4, (view, at) => view.getFloat32(at, true)],
  FP64: [8, (view, at) => view.getFloat64(at, true)],
};

export function checkTensor(tensor, pointer) {
  if (!Object.hasOwn(DATATYPES, tensor.datatype)) {
    throw new Refusal("unknown datatype", { pointer: `${pointer}/datatype`, expected: Object.keys(DATATYPES).join(" | "), got: tensor.datatype });
  }
  const [width] = DATATYPES[tensor.datatype];
  const expected = tensor.shape.reduce((product, axis) => product * axis, width);
  if (tensor.data.length !== expected) {
    throw new Refusal("data does not fill the shape", { pointer: `${pointer}/data`, expected: `${expected} bytes`, got: `${tensor.data.length} bytes` });
  }
  if (tensor.datatype.startsWith("FP")) {
    const at = values(tensor).findIndex((value) => !Number.isFinite(value));
    if (at >= 0) throw new Refusal("not a finite number", { code: "not-finite", pointer: `${pointer}/data/${at}` });
  }
  if (tensor.datatype === "BOOL" && tensor.data.some((byte) => byte > 1)) {
    throw new Refusal("a BOOL is one byte, 0 or 1", { pointer: `${pointer}/data` });
  }
}

/** The elements in row-major order. */
export function values(tensor) {
  const [width, read] = DATATYPES[tensor.datatype];
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.length);
  return Array.from({ length: tensor.data.length / width }, (_, i) => read(view, i * width));
}

export const tensorDigest = ({ datatype, shape, data }) => digest("assay/tensor/1", encode({ dtype: datatype, shape, data }));

/** The salted digest of a request's input; `tensors` in the interface's order. */
export async function inputDigest(salt, tensors) {
  const named = await Promise.all(tensors.map(async (each) => ({ name: each.name, digest: await tensorDigest(each) })));
  return digest("assay/input/1", encode({ salt, tensors: named }));
}

function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}
