"""What a graph is made of: operator sets, nodes, tensors. Nothing is run, loaded or expanded here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from math import prod

import numpy as np
from onnx import ModelProto, TensorProto, defs, numpy_helper

from assay.modelfile import walk
from assay.modelfile.report import REFEREED, Finding, Limits, Where, finding

STANDARD, ML = "", "ai.onnx.ml"
ALIASES = {"ai.onnx": STANDARD}
FLOATS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16})
RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)
BIT_FOR_BIT = (REFEREED, "proof")  # the modes in which a run must be repeatable to the bit


def structure(model: ModelProto, limits: Limits) -> Iterator[Finding]:
    """Findings on everything in a file whose `sizes` are fine."""
    yield from _operator_sets(model, limits)
    yield from _extras(model)
    versions = opsets(model)
    for scope in walk.scopes(model):
        for place in walk.places(scope):
            yield from _operator(place, versions, limits)
        for held in walk.tensors(scope):
            yield from _tensor(held, limits)


def opsets(model: ModelProto) -> dict[str, int]:
    return {ALIASES.get(each.domain, each.domain): each.version for each in model.opset_import}


def histogram(model: ModelProto) -> Counter[str]:
    """How often each operator occurs; those of other domains than the standard one with their domain."""
    nodes = (place.node for scope in walk.scopes(model) for place in walk.places(scope))
    return Counter(
        node.op_type if ALIASES.get(node.domain, node.domain) == STANDARD else f"{node.domain}.{node.op_type}"
        for node in nodes
    )


def parameters(model: ModelProto) -> int:
    """Numbers that make up the model: elements of its tensors, and of lists of floats (trees, linear models)."""
    count = 0
    for scope in walk.scopes(model):
        count += sum(prod(held.tensor.dims) for held in walk.tensors(scope))
        count += sum(len(attribute.floats) for place in walk.places(scope) for attribute in place.node.attribute)
    return count


def sizes(model: ModelProto, limits: Limits) -> Iterator[Finding]:
    """Findings on counts and depth, which every other look at the file presupposes."""
    nodes = initialisers = 0
    for scope in walk.scopes(model):
        if scope.depth > limits.depth:
            yield finding(
                "too-deep",
                "graphs are nested too deeply",
                pointer=scope.pointer,
                expected=f"at most {limits.depth} levels",
            )
            return
        nodes += len(scope.graph.node)
        initialisers += len(scope.graph.initializer) + len(scope.graph.sparse_initializer)
    for what, count, most in (
        ("nodes", nodes, limits.nodes),
        ("initialisers", initialisers, limits.initialisers),
        ("inputs", len(model.graph.input), limits.ports + limits.initialisers),
        ("outputs", len(model.graph.output), limits.ports),
    ):
        if count > most:
            yield finding("too-many", f"too many {what}", expected=f"at most {most}", got=str(count))


def huge(inferred: ModelProto, limits: Limits) -> Iterator[Finding]:
    """Tensors between nodes that shape inference found to be too large, even for one row."""
    for scope in walk.scopes(inferred):
        for value in chain(scope.graph.value_info, scope.graph.output):
            dims = [dim.dim_value for dim in value.type.tensor_type.shape.dim if dim.HasField("dim_value")]
            if prod(dims) > limits.elements:
                yield finding(
                    "too-large",
                    "a tensor that the graph computes is too large",
                    node=value.name,
                    pointer=scope.pointer,
                    expected=f"at most {limits.elements} elements",
                    got=str(dims[: limits.rank + 1]),
                )


def _operator_sets(model: ModelProto, limits: Limits) -> Iterator[Finding]:
    """Only the two domains that are allowed; an operator of another one is a finding of its node."""
    versions = opsets(model)
    allowed = {STANDARD: (limits.opset_least, limits.opset_most), ML: (1, limits.ml_opset_most)}
    if not versions.keys() & allowed.keys():
        yield finding("no-opset", "the file names no operator set", pointer="/opset_import")
    for domain, (least, most) in allowed.items():
        if domain in versions and not least <= versions[domain] <= most:
            yield finding(
                "unsupported-opset",
                f"this version of operator set {domain or 'ai.onnx'} is not supported",
                pointer="/opset_import",
                expected=f"{least} … {most}",
                got=str(versions[domain]),
                hint=f"export the model with operator set {most} or older",
            )


def _extras(model: ModelProto) -> Iterator[Finding]:
    """Parts of the format that no accepted model needs and that other readers may act upon."""
    for field, name in (("functions", "local functions"), ("training_info", "training information")):
        if len(getattr(model, field, ())):
            yield finding(
                "unsupported-part",
                f"the file has {name}",
                pointer=f"/{field}",
                hint="export the model for inference, with its functions inlined",
            )


def _operator(place: walk.Place, versions: dict[str, int], limits: Limits) -> Iterator[Finding]:
    node = place.node
    domain = ALIASES.get(node.domain, node.domain)
    where: Where = {"node": place.label, "operator": node.op_type, "pointer": place.pointer}
    if domain not in (STANDARD, ML):
        yield finding(
            "custom-operator", "operators of this domain are not served", expected="ai.onnx | ai.onnx.ml",
            got=domain, **where,
        )  # fmt: skip
    elif not _known(node.op_type, versions.get(domain, 0), domain):
        version = versions.get(domain)
        yield finding("unknown-operator", f"operator set {domain or 'ai.onnx'} {version} lacks it", **where)
    if domain == STANDARD and node.op_type in RANDOM:
        yield finding(
            "random-operator", "two runs on the same input differ", level="warning",
            modes_ruled_out=BIT_FOR_BIT, **where,
        )  # fmt: skip
    longest = max(map(len, chain([node.name, node.op_type], node.input, node.output)))
    if longest > limits.name:
        yield finding(
            "name-too-long", "a name is too long", expected=f"at most {limits.name}", got=str(longest), **where
        )
    for attribute in node.attribute:
        if np.isnan(attribute.f) or np.isnan(np.array(attribute.floats, np.float32)).any():
            yield finding("not-finite", f"attribute {attribute.name} holds a NaN", **where)


def _known(operator: str, version: int, domain: str) -> bool:
    try:
        return not defs.get_schema(operator, version, domain).deprecated
    except defs.SchemaError:
        return False


def _tensor(held: walk.Held, limits: Limits) -> Iterator[Finding]:
    """External data first: its path must not be looked at. Then sizes, and only then the values."""
    tensor = held.tensor
    where: Where = {"pointer": held.pointer, "node": tensor.name or (held.place.label if held.place else "")}
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        yield finding(
            "external-data",
            "the values are said to be in another file",
            got=next((entry.value for entry in tensor.external_data if entry.key == "location"), ""),
            hint="save the model with its weights inside: onnx.save(model, path, save_as_external_data=False)",
            **where,
        )
        return
    if misshapen := _misshapen(held, limits):
        dims = list(held.sparse or tensor.dims)[: limits.rank + 1]
        yield finding("too-large", misshapen, got=str(dims), **where)
        return
    try:
        values = numpy_helper.to_array(tensor)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - the reader's own errors are of many kinds
        yield finding("corrupt-tensor", "the values do not fill the shape", got=str(error), **where)
        return
    if tensor.data_type in FLOATS and not _finite(values, infinity=held.place is not None):
        yield finding("not-finite", "a weight is not a finite number", expected="finite numbers", **where)


def _misshapen(held: walk.Held, limits: Limits) -> str:
    """What is impossible or too much about a tensor's shape, or the shape of the sparse one it is a part of."""
    if len(held.tensor.name) > limits.name:
        return f"a name is longer than {limits.name} characters"
    for dims in (held.tensor.dims, held.sparse):
        if len(dims) > limits.rank:
            return f"a tensor has more than {limits.rank} axes"
        if any(not 0 <= dim <= limits.dimension for dim in dims):
            return f"an axis is negative or longer than {limits.dimension}"
        if prod(dims) > limits.elements:
            return f"a tensor has more than {limits.elements} elements"
    return ""


def _finite(values: np.ndarray, *, infinity: bool) -> bool:
    """No NaN; and no infinity, unless it is allowed: constants use it as a mask."""
    single = values if values.dtype.kind == "f" else values.astype(np.float32)
    return not np.isnan(single).any() if infinity else bool(np.isfinite(single).all())
