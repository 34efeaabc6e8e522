"""Every graph, node and tensor of an ONNX model, wherever it hides, each with its pointer.

Graphs nest (If, Loop, Scan) and tensors sit in initialisers, attributes and sparse tensors; a check that forgets
one of these places is a hole, so there is one walk for all checks. It keeps a list instead of recursing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto


class Scope(NamedTuple):
    graph: GraphProto
    pointer: str
    depth: int  # 0 for the model's own graph


class Place(NamedTuple):
    """A node, and where it is."""

    node: NodeProto
    pointer: str

    @property
    def label(self) -> str:
        """Its name, or its pointer if it has none."""
        return self.node.name or self.pointer


class Held(NamedTuple):
    """A tensor, where it is, and the node it belongs to if any."""

    tensor: TensorProto
    pointer: str
    place: Place | None


def scopes(model: ModelProto) -> Iterator[Scope]:
    waiting = [Scope(model.graph, "/graph", 0)]
    while waiting:
        scope = waiting.pop()
        yield scope
        for place in places(scope):
            waiting.extend(
                Scope(graph, f"{place.pointer}/attribute/{attribute.name}", scope.depth + 1)
                for attribute in place.node.attribute
                for graph in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs)
            )


def places(scope: Scope) -> Iterator[Place]:
    for i, node in enumerate(scope.graph.node):
        yield Place(node, f"{scope.pointer}/node/{i}")


def tensors(scope: Scope) -> Iterator[Held]:
    """All tensors of one graph, those of the graphs inside it excepted."""
    for i, tensor in enumerate(scope.graph.initializer):
        yield Held(tensor, f"{scope.pointer}/initializer/{i}", None)
    for i, sparse in enumerate(scope.graph.sparse_initializer):
        yield Held(sparse.values, f"{scope.pointer}/sparse_initializer/{i}/values", None)
        yield Held(sparse.indices, f"{scope.pointer}/sparse_initializer/{i}/indices", None)
    for place in places(scope):
        for attribute in place.node.attribute:
            for tensor in _of_attribute(attribute):
                yield Held(tensor, f"{place.pointer}/attribute/{attribute.name}", place)


def _of_attribute(attribute: AttributeProto) -> Iterator[TensorProto]:
    if attribute.HasField("t"):
        yield attribute.t
    yield from attribute.tensors
    sparse = ([attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []) + list(
        attribute.sparse_tensors
    )
    for each in sparse:
        yield each.values
        yield each.indices
