"""An ONNX file read as a Program. Nothing in it is run, and no other file is touched.

Whatever a program has no place for is refused by name: unknown operators, graphs within graphs, local functions,
strings, sparse tensors, tensors kept in other files. All that stands in the way is reported at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

import assay.operators.everything  # noqa: F401 - declares them
from assay.errors import Refused, TooLarge, Unavailable
from assay.operators.arithmetic import Array
from assay.operators.registry import Operator, find, operators, unfit
from assay.operators.shapes import ANYTHING, one_of
from assay.program.graph import Input, Node, Program, Unsupported, placed
from assay.program.inferring import MAX_RANK

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

MAX_BYTES = 1 << 30  # of a file
MAX_PARTS = 100_000  # nodes, constants, inputs or outputs: each takes time, though it may be two bytes of a file
MAX_VERSION = 2**31 - 1  # of an operator set
ALIASES = {"ai.onnx": ""}

T = TypeVar("T")


def read(data: bytes) -> Program:
    """The program in an ONNX file. Raises Unsupported with all that stands in the way, TooLarge, Unavailable."""
    if len(data) > MAX_BYTES:
        raise TooLarge("the model is too large", expected=f"at most {MAX_BYTES} bytes", got=str(len(data)))
    return program_of(_parsed(data))


def program_of(model: ModelProto) -> Program:
    """As `read`, of a file already parsed."""
    _bound(model.graph)
    if not all(isinstance(name, str) for name in _names(model)):  # protobuf gives such as bytes
        raise Refused("a name is not UTF-8", code="not-onnx")
    problems: list[Refused] = list(_extras(model))
    graph = model.graph
    versions = {ALIASES.get(each.domain, each.domain): each.version for each in model.opset_import}

    def sound(read_one: Callable[..., T], items: Iterable[Any], *arguments: Any) -> list[T]:
        """`read_one` of each that can be read; what cannot is a problem."""
        found = []
        for i, item in enumerate(items):
            try:
                found.append(read_one(i, item, *arguments))
            except Refused as error:
                problems.append(error)
        return found

    constants = dict(sound(_constant, graph.initializer))
    given = [each for each in graph.input if each.name not in constants]
    inputs = tuple(sound(_input, given))
    nodes = tuple(sound(_node, graph.node, versions))
    outputs = tuple(each.name for each in graph.output)
    if not problems:
        problems += _wiring(inputs, constants, nodes, outputs)
    if problems:
        raise Unsupported(tuple(problems))
    return Program(inputs, outputs, MappingProxyType(constants), nodes)


def _parsed(data: bytes) -> ModelProto:
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise Unavailable(
            "reading ONNX needs the package `onnx`", hint="pip install 'assay[reproducible]'"
        ) from error
    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        raise Refused("the file is not ONNX, or is damaged", code="not-onnx", got=str(error)[:200]) from error
    if not model.HasField("graph"):
        raise Refused("the file holds no graph", code="not-onnx")
    return model


def _bound(graph: GraphProto) -> None:
    for name in ("node", "initializer", "input", "output"):
        count = len(getattr(graph, name))
        if count > MAX_PARTS:
            raise TooLarge(
                "the model has too many parts",
                pointer=f"/graph/{name}",
                expected=f"at most {MAX_PARTS}",
                got=str(count),
            )


def _names(model: ModelProto) -> Iterator[Any]:
    yield from (each.domain for each in model.opset_import)
    for named in (model.functions, model.graph.initializer, model.graph.output):
        yield from (each.name for each in named)
    for value in model.graph.input:
        yield value.name
        yield from (dim.dim_param for dim in value.type.tensor_type.shape.dim)
    for node in model.graph.node:
        yield from (node.domain, node.op_type, node.name, *node.input, *node.output)
        for each in node.attribute:
            yield from (each.name, each.ref_attr_name, each.t.name)


def _extras(model: ModelProto) -> Iterator[Refused]:
    if model.functions:
        yield Refused(
            "the file has local functions",
            code="unsupported-model",
            pointer="/functions",
            got=model.functions[0].name[:100],
            hint="inline them: onnx.inliner.inline_local_functions(model)",
        )
    if model.graph.sparse_initializer:
        yield Refused("the file has sparse tensors", code="unsupported-model", pointer="/graph/sparse_initializer")


# --- tensors ----------------------------------------------------------------------------------------------------


def _constant(i: int, tensor: TensorProto) -> tuple[str, Array]:
    return tensor.name, _array(tensor, f"/graph/initializer/{i}")


def _array(tensor: TensorProto, pointer: str) -> Array:
    """Raises Refused."""
    from onnx import TensorProto as Proto
    from onnx import numpy_helper

    shown = f"the tensor {tensor.name[:100]!r}"
    if tensor.data_location == Proto.EXTERNAL or tensor.external_data:
        raise Refused(
            f"{shown} lies in another file", code="unsupported-model", pointer=pointer, expected="one file"
        )
    dtype = _dtype(tensor.data_type, shown, pointer)
    if len(tensor.dims) > MAX_RANK or any(axis < 0 for axis in tensor.dims):
        raise Refused(f"{shown} has an impossible shape", pointer=pointer, got=str(list(tensor.dims[:MAX_RANK])))
    try:
        array = numpy_helper.to_array(tensor)
    except (ValueError, TypeError) as error:
        raise Refused(f"{shown} is damaged", pointer=pointer, got=str(error)[:200]) from error
    return np.ascontiguousarray(array, dtype).reshape(array.shape)


def _dtype(number: int, what: str, pointer: str) -> np.dtype[Any]:
    """Raises Refused if there are no such tensors here."""
    from onnx import TensorProto as Proto
    from onnx import helper

    known = number in Proto.DataType.values() and number not in (Proto.UNDEFINED, Proto.STRING)
    dtype = helper.tensor_dtype_to_np_dtype(number) if known else None
    if dtype not in ANYTHING:
        names = {value: name.lower() for name, value in Proto.DataType.items()}
        raise Refused(
            f"the type of {what}",
            code="unsupported-model",
            pointer=pointer,
            expected=one_of(ANYTHING),
            got=names.get(number, str(number)),
        )
    return np.dtype(dtype)


def _input(i: int, value: ValueInfoProto) -> Input:
    pointer, shown = f"/graph/input/{i}", f"the input {value.name[:100]!r}"
    tensor = value.type.tensor_type
    dtype = _dtype(tensor.elem_type, shown, pointer)
    if not tensor.HasField("shape") or len(tensor.shape.dim) > MAX_RANK:
        raise Refused(f"{shown} has no shape", code="unsupported-model", pointer=pointer, expected="a rank")
    axes = tuple(dim.dim_value if dim.HasField("dim_value") else dim.dim_param for dim in tensor.shape.dim)
    if any(isinstance(axis, int) and axis < 0 for axis in axes):
        raise Refused(f"{shown} has an impossible shape", pointer=pointer, got=str(axes))
    return Input(value.name, dtype, axes)


# --- nodes ------------------------------------------------------------------------------------------------------


def _node(i: int, node: NodeProto, versions: dict[str, int]) -> Node:
    domain = ALIASES.get(node.domain, node.domain)
    try:
        operator = _operator(domain, node.op_type, versions)
        attributes = {each.name: _attribute(each) for each in node.attribute}
        if len(attributes) != len(node.attribute):
            raise unfit("an attribute is given twice")
    except Refused as error:
        raise placed(error, i, node.op_type[:100], node.name[:100]) from None
    inputs = tuple(node.input)
    while inputs and not inputs[-1]:
        inputs = inputs[:-1]  # an optional input left out at the end may be written or not
    return Node(i, node.name, operator, inputs, tuple(node.output), MappingProxyType(attributes))


def _operator(domain: str, name: str, versions: dict[str, int]) -> Operator:
    """The one that this file's version of the domain means. Raises Refused."""
    from onnx import defs

    if domain not in versions:
        raise unfit(f"the file does not say which version of {domain[:100] or 'ai.onnx'} it follows")
    if not 1 <= versions[domain] <= MAX_VERSION:
        raise unfit(f"the version of {domain[:100] or 'ai.onnx'}", "1 or more", str(versions[domain]))
    try:
        since = defs.get_schema(name, versions[domain], domain).since_version
    except defs.SchemaError:  # none of ONNX's own
        known = operators().get((domain, name), {})
        since = max((each for each in known if each <= versions[domain]), default=versions[domain])
    return find(domain, name, since)


def _attribute(attribute: AttributeProto) -> Any:
    """As `registry.KINDS` has it. Raises Refused."""
    from onnx import AttributeProto as Proto

    pointer = f"/attribute/{attribute.name[:100]}"
    if attribute.ref_attr_name:
        raise unfit(f"the attribute {attribute.name[:100]} refers to a function's")
    kinds: dict[int, Callable[[], Any]] = {
        Proto.INT: lambda: attribute.i,
        Proto.FLOAT: lambda: attribute.f,
        Proto.STRING: lambda: _text(attribute.s),
        Proto.TENSOR: lambda: _array(attribute.t, pointer),
        Proto.INTS: lambda: tuple(attribute.ints),
        Proto.FLOATS: lambda: tuple(attribute.floats),
        Proto.STRINGS: lambda: tuple(map(_text, attribute.strings)),
    }
    if attribute.type not in kinds:
        raise unfit(f"the attribute {attribute.name[:100]}", expected="numbers, text or a tensor")
    return kinds[attribute.type]()


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise unfit("a text is not UTF-8") from error


# --- how they hang together -------------------------------------------------------------------------------------


def _wiring(
    inputs: Sequence[Input], constants: Iterable[str], nodes: Sequence[Node], outputs: Sequence[str]
) -> Iterator[Refused]:
    """Every name is written once, and before it is read."""
    written = [*(each.name for each in inputs), *constants]
    known = set(written)
    if len(known) < len(written) or "" in known:
        yield Refused("two inputs or constants have one name, or none", code="unsupported-model", pointer="/graph")
    for node in nodes:
        for name in node.inputs:
            if name and name not in known:
                yield node.under(Refused("reads what is not there yet", code="unsupported-model", got=name[:100]))
        for name in node.outputs:
            if name in known:
                yield node.under(Refused("writes a name again", code="unsupported-model", got=name[:100]))
            if name:
                known.add(name)
    for i, name in enumerate(outputs):
        if name not in known:
            pointer = f"/graph/output/{i}"
            yield Refused("nothing gives this output", code="unsupported-model", pointer=pointer, got=name[:100])
