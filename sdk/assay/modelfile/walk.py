"""Every graph, node and tensor of an ONNX model, wherever it hides, each with its pointer.

Graphs nest (If, Loop, Scan) and tensors sit in initialisers, attributes and sparse tensors; a check that forgets
one of these places is a hole, so there is one walk for all checks. It keeps a list instead of recursing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from google.protobuf.message import Message
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto


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
    """A tensor, where it is, the node it belongs to if any, and its shape if it is a part of a sparse one."""

    tensor: TensorProto
    pointer: str
    place: Place | None = None
    sparse: Sequence[int] = ()


def scopes(model: ModelProto) -> Iterator[Scope]:
    waiting = [Scope(model.graph, "/graph", 0)]
    while waiting:
        scope = waiting.pop()
        yield scope
        for place in places(scope):
            waiting.extend(
                Scope(graph, f"{place.pointer}/attribute/{attribute.name}", scope.depth + 1)
                for attribute in place.node.attribute
                for graph in (*_one(attribute, "g"), *attribute.graphs)
            )


def places(scope: Scope) -> Iterator[Place]:
    for i, node in enumerate(scope.graph.node):
        yield Place(node, f"{scope.pointer}/node/{i}")


def tensors(scope: Scope) -> Iterator[Held]:
    """All tensors of one graph, those of the graphs inside it excepted."""
    for i, tensor in enumerate(scope.graph.initializer):
        yield Held(tensor, f"{scope.pointer}/initializer/{i}")
    for i, sparse in enumerate(scope.graph.sparse_initializer):
        yield from _parts(sparse, f"{scope.pointer}/sparse_initializer/{i}", None)
    for place in places(scope):
        for attribute in place.node.attribute:
            pointer = f"{place.pointer}/attribute/{attribute.name}"
            for tensor in (*_one(attribute, "t"), *attribute.tensors):
                yield Held(tensor, pointer, place)
            for sparse in (*_one(attribute, "sparse_tensor"), *attribute.sparse_tensors):
                yield from _parts(sparse, pointer, place)


def _parts(sparse: SparseTensorProto, pointer: str, place: Place | None) -> Iterator[Held]:
    yield Held(sparse.values, f"{pointer}/values", place, sparse.dims)
    yield Held(sparse.indices, f"{pointer}/indices", place, sparse.dims)


def _one(attribute: AttributeProto, field: str) -> list[Any]:
    """A field that holds one message, as a list: empty if it is not there."""
    return [getattr(attribute, field)] if attribute.HasField(field) else []


def undecodable(model: ModelProto) -> Iterator[str]:
    """Pointers to texts that are not UTF-8: protobuf hands such ones over as bytes, where a string is expected."""
    waiting: list[tuple[Message, str]] = [(model, "")]
    while waiting:
        message, pointer = waiting.pop()
        for field, content in message.ListFields():
            if field.type not in (field.TYPE_STRING, field.TYPE_MESSAGE):
                continue
            for i, value in enumerate(content) if field.is_repeated else ((None, content),):
                where = f"{pointer}/{field.name}" + ("" if i is None else f"/{i}")
                if field.type == field.TYPE_MESSAGE:
                    waiting.append((value, where))
                elif isinstance(value, bytes):
                    yield where
