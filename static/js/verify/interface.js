// A model's interface: that its parts agree with each other, and that tensors are exactly what it says.

import { Refusal } from "./refusal.js";
import { DATATYPES } from "./tensor.js";

const ANY = -1;

export function checkInterface(it, pointer) {
  for (const side of ["inputs", "outputs"]) {
    const names = it[side].map((port) => port.name);
    if (new Set(names).size !== names.length) throw new Refusal("names must differ", { pointer: `${pointer}/${side}`, got: names });
    it[side].forEach(({ datatype }, i) => {
      if (!Object.hasOwn(DATATYPES, datatype)) throw new Refusal("unknown datatype", { pointer: `${pointer}/${side}/${i}/datatype`, got: datatype });
    });
  }
  const { preprocessing, inputs } = it;
  if (preprocessing.kind !== "none" && (inputs.length !== 1 || inputs[0].name !== preprocessing.input)) {
    throw new Refusal("preprocessing fills exactly one input", { pointer: `${pointer}/preprocessing/input`, got: preprocessing.input });
  }
}

/** `tensors` in the order of `ports`, if they are exactly those, with one number of rows. */
export function accepted(ports, tensors, pointer) {
  const sorted = (items) => JSON.stringify(items.map((item) => item.name).sort());
  if (sorted(ports) !== sorted(tensors)) throw new Refusal("wrong names", { code: "wrong-names", pointer });
  const ordered = ports.map((port) => fitting(port, tensors, pointer));
  if (new Set(ordered.map((tensor) => tensor.shape[0])).size !== 1) {
    throw new Refusal("tensors differ in their number of rows", { code: "wrong-shape", pointer });
  }
  return ordered;
}

function fitting(port, tensors, pointer) {
  const i = tensors.findIndex((tensor) => tensor.name === port.name);
  const { datatype, shape } = tensors[i];
  if (datatype !== port.datatype) {
    throw new Refusal("wrong datatype", { code: "wrong-datatype", pointer: `${pointer}/${i}/datatype`, expected: port.datatype, got: datatype });
  }
  const fits = shape.length === port.shape.length && port.shape.every((want, axis) => want === ANY || want === shape[axis]);
  if (!fits || shape.includes(0)) {
    throw new Refusal("wrong shape", { code: "wrong-shape", pointer: `${pointer}/${i}/shape`, expected: `[${port.shape}]`, got: `[${shape}]` });
  }
  return tensors[i];
}
