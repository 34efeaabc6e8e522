"""What a graph takes and gives, as ports: read from its declarations, corrected by what a run showed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from math import prod

from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from assay.model import ANY, Port
from assay.modelfile.report import Finding, Found, Limits, Ports, finding
from assay.tensor import DATATYPE_OF, DTYPES

ROWS = 3  # tried besides one, wherever a model is tried
FREE_AXES = (1, 16, 224)  # lengths tried for axes other than rows that may be of any length
ROWS_HINT = (
    "make the first axis dynamic: torch.onnx.export(…, dynamic_axes={name: {0: 'rows'}}), "
    "or skl2onnx's FloatTensorType([None, columns])"
)
ZIPMAP_HINT = "convert with skl2onnx.to_onnx(model, options={'zipmap': False}), so that scores are a plain tensor"
STRING_HINT = "train on class numbers 0, 1, … and give Assay the labels' texts apart"


def declared(model: ModelProto, limits: Limits) -> tuple[Ports, list[Finding]]:
    """The graph's ports, and what is wrong with them; a port that cannot be read is left out."""
    constants = {tensor.name for tensor in model.graph.initializer}
    sides = {
        "input": [value for value in model.graph.input if value.name not in constants],
        "output": list(model.graph.output),
    }
    findings: list[Finding] = []
    read: dict[str, list[Port]] = {"input": [], "output": []}
    for kind, values in sides.items():
        findings += _listing(kind, values, limits)
        for i, value in enumerate(values[: limits.ports]):
            try:
                read[kind].append(_port(kind, f"/graph/{kind}/{i}", value, limits))
            except Found as error:
                findings.append(error.finding)
    return Ports(tuple(read["input"]), tuple(read["output"])), findings


def observed(port: Port, shapes: Iterable[tuple[int, ...]]) -> Port:
    """`port` as the shapes of its tensors in several runs show it to be: an axis that differs is of any length."""
    shapes = list(shapes)
    rank = len(shapes[0])
    stated = port.shape if len(port.shape) == rank else (ANY,) * rank
    axes = [axis if all(shape[i] == axis for shape in shapes) else ANY for i, axis in enumerate(stated) if i > 0]
    return Port(port.name, port.datatype, (ANY, *axes))


def lengths_tried(ports: Ports) -> tuple[int, ...]:
    """Of axes of any length: until one fits."""
    return FREE_AXES if any(ANY in port.shape[1:] for port in ports.inputs) else FREE_AXES[:1]


def rows_lost(output: str, rows: int, shape: Sequence[int]) -> Finding:
    return finding(
        "rows-lost",
        "an output does not have one row per row of the input",
        node=output,
        expected=f"{rows} rows",
        got=f"shape {list(shape)}",
    )


def _listing(kind: str, values: list[ValueInfoProto], limits: Limits) -> Iterator[Finding]:
    names = [value.name for value in values]
    pointer = f"/graph/{kind}"
    if not 1 <= len(values) <= limits.ports:
        yield finding(
            "too-many" if values else f"no-{kind}",
            f"the graph has {len(values)} {kind}s",
            pointer=pointer,
            expected=f"1 … {limits.ports}",
            got=str(len(values)),
        )
    if len(set(names)) != len(names):
        yield finding("same-name", f"two {kind}s have one name", pointer=pointer, got=str(names))


def _port(kind: str, pointer: str, value: ValueInfoProto, limits: Limits) -> Port:
    """Raises Found."""
    name = value.name
    if not 1 <= len(name) <= limits.port_name or not name.isprintable():
        expected = f"1 … {limits.port_name} printable characters"
        raise Found(
            finding("wrong-name", f"the {kind}'s name", pointer=f"{pointer}/name", expected=expected, got=name)
        )
    datatype = _datatype(kind, f"{pointer}/type", value)
    axes = _axes(kind, f"{pointer}/type/tensor_type/shape", value, limits)
    row = prod(axis for axis in axes[1:] if axis != ANY) * DTYPES[datatype].itemsize
    if row > limits.row_bytes:
        raise Found(
            finding(
                "too-large",
                f"one row of the {kind} is too large",
                node=name,
                pointer=f"{pointer}/type/tensor_type/shape",
                expected=f"at most {limits.row_bytes} bytes",
                got=f"{row} bytes",
            )
        )
    return Port(name, datatype, axes)


def _datatype(kind: str, pointer: str, value: ValueInfoProto) -> str:
    form, elements = value.type.WhichOneof("value"), value.type.tensor_type.elem_type
    datatype = _datatypes().get(elements)
    if form == "tensor_type" and datatype is not None:
        return datatype
    got, hint = (form or "nothing").removesuffix("_type"), ZIPMAP_HINT
    if form == "tensor_type":
        names = {number: text.lower() for text, number in TensorProto.DataType.items()}
        got = names.get(elements, str(elements))
        hint = STRING_HINT if elements == TensorProto.STRING else ""
    raise Found(
        finding(
            f"unsupported-{kind}",
            f"an {kind} of this kind cannot be served",
            node=value.name,
            pointer=pointer,
            expected="a tensor of " + " | ".join(DTYPES),
            got=got,
            hint=hint,
        )
    )


@cache
def _datatypes() -> dict[int, str]:
    """ONNX's element types that are tensors here."""
    types = (number for number in TensorProto.DataType.values() if number != TensorProto.UNDEFINED)
    dtypes = {number: helper.tensor_dtype_to_np_dtype(number) for number in types}
    return {number: DATATYPE_OF[dtype] for number, dtype in dtypes.items() if dtype in DATATYPE_OF}


def _axes(kind: str, pointer: str, value: ValueInfoProto, limits: Limits) -> tuple[int, ...]:
    """The axes, the first as ANY."""
    axes = tuple(dim.dim_value if dim.HasField("dim_value") else ANY for dim in value.type.tensor_type.shape.dim)
    if not 1 <= len(axes) <= limits.rank:
        code, detail = "wrong-rank", f"an {kind} needs axes, the first of them for rows"
        expected, hint = f"1 … {limits.rank} axes", ""
    elif axes[0] != ANY:
        code, detail = "no-batch-axis", f"the first axis of every {kind} must be the rows of a request"
        expected, hint = "a first axis of any length", ROWS_HINT
    elif any(axis != ANY and not 1 <= axis <= limits.dimension for axis in axes):
        code, detail = "wrong-shape", f"an axis of the {kind} has an impossible length"
        expected, hint = f"1 … {limits.dimension}", ""
    else:
        return axes
    shown = str(list(axes[: limits.rank + 1]))
    raise Found(finding(code, detail, node=value.name, pointer=pointer, expected=expected, got=shown, hint=hint))
