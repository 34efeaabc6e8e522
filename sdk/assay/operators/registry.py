"""What an operator is: its definition in ONNX, what it makes of types before anything runs, what it computes.

An operator is a function of arrays, declared by `@operator`. Its signature is its schema: positional parameters
are ONNX's inputs (`None` as default: optional; `*args`: any number), keyword parameters ONNX's attributes under
their own names, with their defaults. A keyword parameter `outputs` receives how many outputs the node has.

    @operator("Softmax", 13, infer=same(FLOAT32))
    def softmax(x: Array, *, axis: int = -1) -> Array: ...

`infer` takes the types in place of the arrays and gives the types of the outputs. It refuses whatever `compute`
could not carry out, so that a node whose types are accepted runs on any values.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np

from assay.errors import Refused
from assay.operators.arithmetic import Array, quiet
from assay.operators.hints import HINTS

ML = "ai.onnx.ml"
REQUIRED = inspect.Parameter.empty  # the default of an attribute that has none
KINDS: dict[str, type] = {  # of attributes, by the annotation of the parameter; `… | None` may be left out
    "int": int,
    "float": float,  # the value of a float32
    "str": str,
    "Array": np.ndarray,
    "tuple[int, ...]": tuple,
    "tuple[float, ...]": tuple,
    "tuple[str, ...]": tuple,
}
ELEMENTS = {
    "tuple[int, ...]": int,
    "tuple[float, ...]": float,
    "tuple[str, ...]": str,
}  # all of a list are of a kind

Compute = TypeVar("Compute", bound=Callable[..., Any])


@dataclass(frozen=True, eq=False)
class TensorType:
    """What is known of a tensor before anything runs; `value` where it does not depend on the inputs."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    value: Array | None = None

    @classmethod
    def of(cls, value: Array) -> TensorType:
        return cls(value.dtype, value.shape, value)

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.elements * self.dtype.itemsize

    def known(self, name: str) -> Array:
        """The value of an input that decides shapes. Raises Refused if it is known only once the model runs."""
        if self.value is None:
            raise unfit(f"{name} is not known before the model runs", expected="a constant", got=str(self))
        return self.value

    def __str__(self) -> str:
        return f"{self.dtype}{list(self.shape)}"


Infer = Callable[..., TensorType | tuple[TensorType, ...]]


@dataclass(frozen=True)
class Attribute:
    name: str
    kind: str  # one of KINDS
    default: Any

    def of(self, given: Mapping[str, Any]) -> Any:
        """Its value, or the default. Raises Refused if it is of another kind, or lacking."""
        value = given.get(self.name, self.default)
        if value is REQUIRED:
            raise unfit(f"the attribute {self.name} is missing", expected=self.kind)
        if self.name in given and not self._is_of_its_kind(value):
            raise unfit(f"the attribute {self.name}", expected=self.kind, got=str(value)[:100])
        return value

    def _is_of_its_kind(self, value: Any) -> bool:
        element = ELEMENTS.get(self.kind)
        known = isinstance(value, KINDS[self.kind])
        return known and (element is None or not value or isinstance(value[0], element))


@dataclass(frozen=True, eq=False)
class Operator:
    """`versions`: those of the domain's operator set that brought or changed its definition; it obeys them all."""

    domain: str
    name: str
    versions: tuple[int, ...]
    compute: Callable[..., Any]
    infer: Infer
    attributes: Mapping[str, Attribute] = field(repr=False)
    fewest: int  # inputs that are not optional
    most: int | None  # None: any number
    counts_outputs: bool

    def types(
        self, inputs: Sequence[TensorType | None], attributes: Mapping[str, Any], outputs: int
    ) -> tuple[TensorType, ...]:
        """The types of the first `outputs` outputs. Raises Refused if it cannot be carried out on such inputs."""
        self._require(inputs)
        if outputs < 1:
            raise unfit("its outputs", expected="1 or more", got=str(outputs))
        made = self.infer(*inputs, **self.keywords(attributes, outputs))
        made = made if isinstance(made, tuple) else (made,)
        if len(made) < outputs:
            raise unfit(f"output {outputs - 1}", expected=f"{len(made)} outputs", got=str(outputs))
        return made[:outputs]

    @quiet
    def run(
        self, inputs: Sequence[Array | None], attributes: Mapping[str, Any], outputs: int
    ) -> tuple[Array, ...]:
        """The first `outputs` outputs, for inputs whose types `types` has accepted."""
        made = self.compute(*inputs, **self.keywords(attributes, outputs))
        made = made if isinstance(made, tuple) else (made,)
        return tuple(np.asarray(each) for each in made[:outputs])  # NumPy has scalars for arrays without axes

    def _require(self, inputs: Sequence[TensorType | None]) -> None:
        given = sum(each is not None for each in inputs[: self.fewest])
        if given < self.fewest or (self.most is not None and len(inputs) > self.most):
            most = "" if self.most == self.fewest else " or more" if self.most is None else f" … {self.most}"
            raise unfit("its inputs", expected=f"{self.fewest}{most}", got=str(len(inputs)))
        if self.most is None and any(each is None for each in inputs):
            raise unfit("an input among several is missing", expected="as many as there are")

    def keywords(self, attributes: Mapping[str, Any], outputs: int) -> dict[str, Any]:
        """Every attribute, those left out by their defaults. Raises Refused."""
        for name in attributes:
            if name not in self.attributes:
                expected = " | ".join(self.attributes) or "no attributes"
                raise unfit(f"the attribute {name}", expected=expected, got=str(attributes[name])[:100])
        chosen = {name: attribute.of(attributes) for name, attribute in self.attributes.items()}
        return chosen | ({"outputs": outputs} if self.counts_outputs else {})


_OPERATORS: dict[tuple[str, str], dict[int, Operator]] = {}


def operator(
    name: str, *versions: int, infer: Infer, domain: str = "", attributes: Iterable[Attribute] = ()
) -> Callable[[Compute], Compute]:
    """Declare a function to be the operator `name` as these versions of the operator set define it.

    `attributes` are those that it takes beyond its own, as `**` parameters: many that several operators share.
    """

    def declare(compute: Compute) -> Compute:
        parameters = inspect.signature(compute).parameters.values()
        named = [each for each in parameters if each.kind is each.KEYWORD_ONLY and each.name != "outputs"]
        placed = [each for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
        endless = any(each.kind is each.VAR_POSITIONAL for each in parameters)
        declared = Operator(
            domain,
            name,
            versions,
            compute,
            infer,
            MappingProxyType({each.name: each for each in (*map(_attribute, named), *attributes)}),
            fewest=sum(each.default is each.empty for each in placed),
            most=None if endless else len(placed),
            counts_outputs=any(each.name == "outputs" for each in parameters),
        )
        by_version = _OPERATORS.setdefault((domain, name), {})
        for version in versions:
            assert version not in by_version, f"{name} {version} is declared twice"
            by_version[version] = declared
        return compute

    return declare


def _attribute(parameter: inspect.Parameter) -> Attribute:
    kind = parameter.annotation.removesuffix(" | None")
    assert kind in KINDS, f"an attribute cannot be {kind}"
    return Attribute(parameter.name, kind, parameter.default)


def operators() -> Mapping[tuple[str, str], Mapping[int, Operator]]:
    """By domain and name: by the version of the operator set that brought the definition."""
    return MappingProxyType(_OPERATORS)


def find(domain: str, name: str, version: int) -> Operator:
    """The operator that the domain's version `version` defined or last changed. Raises Refused."""
    domain = "" if domain == "ai.onnx" else domain
    known = _OPERATORS.get((domain, name), {})
    if version in known:
        return known[version]
    shown = f"{domain}.{name}".lstrip(".")
    raise Refused(
        f"the operator {shown} is not among the reproducible ones",
        code="unsupported-operator",
        expected=f"{shown} as of version {' | '.join(map(str, sorted(known)))}" if known else "",
        got=f"{shown} as of version {version}",
        hint=HINTS.get((domain, name), ""),
    )


def unfit(detail: str, expected: str = "", got: str = "", hint: str = "") -> Refused:
    """What an operator's `infer` raises; where in the model it happened is added by who asked."""
    return Refused(detail, code="unsupported-node", expected=expected, got=got, hint=hint)
