// What an ONNX file says it takes and gives, read in the browser to fill the upload's form in.
//
// A convenience: nothing relies on it. The marketplace examines the file itself and decides. Only the protobuf fields
// that are needed are looked at; anything strange gives null.

const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5];
const TYPES = { 1: "FP32", 2: "UINT8", 3: "INT8", 4: "UINT16", 5: "INT16", 6: "INT32", 7: "INT64", 9: "BOOL", 10: "FP16", 11: "FP64", 12: "UINT32", 13: "UINT64" };

/** {inputs, outputs} of {name, datatype, shape} with -1 for any length, or null where the file cannot be read. */
export function ports(file) {
  try {
    const graph = first(file, 7);
    const weights = new Set(all(graph, 5).map((tensor) => string(first(tensor, 8))));
    const list = (field) => all(graph, field).map(port).filter(({ name }) => !weights.has(name));
    const found = { inputs: list(11), outputs: list(12) };
    return found.inputs.length && found.outputs.length ? found : null;
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return null;
    throw error;
  }
}

function port(value) {
  const tensor = first(first(value, 2), 1);
  const shape = first(tensor, 2, new Uint8Array());
  return {
    name: string(first(value, 1)),
    datatype: TYPES[first(tensor, 1)] ?? "?",
    shape: all(shape, 1).map((dimension) => first(dimension, 1, -1)),
  };
}

const string = (bytes) => new TextDecoder("utf-8", { fatal: true }).decode(bytes);

function first(message, field, missing) {
  for (const [number, value] of fields(message)) if (number === field) return value;
  if (missing === undefined) throw new RangeError(`no field ${field}`);
  return missing;
}

const all = (message, field) => [...fields(message)].filter(([number]) => number === field).map(([, value]) => value);

/** The fields of a protobuf message: [number, value], where a value is a number or the bytes of a nested message. */
function* fields(message) {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = view.getUint8(at++);
      value += (byte % 128) * scale;
      if (byte < 128) return value;
      if (scale > 2 ** 56) throw new RangeError("a varint of more than ten bytes");
    }
  };
  while (at < message.length) {
    const key = varint();
    const kind = key % 8;
    let value = null;
    if (kind === VARINT) value = varint();
    else if (kind === FIXED64) at += 8;
    else if (kind === FIXED32) at += 4;
    else if (kind === BYTES) {
      const size = varint();
      if (at + size > message.length) throw new RangeError("truncated");
      value = message.subarray(at, at + size);
      at += size;
    } else throw new RangeError(`wire type ${kind}`);
    yield [Math.floor(key / 8), value];
  }
}
