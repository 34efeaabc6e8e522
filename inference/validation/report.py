"""What is known of an uploaded ONNX file once it has been examined, and the limits it was examined under.

A finding of level `error` means the file is not accepted; a `warning` is for the owner to think about; `info` is
a fact worth showing. Strings that come from the file are shortened and printable.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

import msgspec

from assay.model import Digest, Port
from assay.tensor import MAX_BYTES, MAX_NAME, MAX_RANK

MAX_FINDINGS = 100  # the rest is counted in a last one
MAX_TEXT = 500  # of one field of a finding, characters
MAX_REPORT = 4 * 1024 * 1024  # what the examining process may say in all, bytes

Short = Annotated[str, msgspec.Meta(max_length=128)]
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Level = Literal["error", "warning", "info"]
Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model may be at most, and what one examination may cost. Opsets are what onnxruntime 1.31 reads."""

    file_bytes: int = 256 * 1024 * 1024
    nodes: int = 50_000  # graphs within graphs included
    initialisers: int = 20_000
    depth: int = 3  # of graphs within graphs (If, Loop, Scan)
    elements: int = 2**28  # of one tensor
    rank: int = MAX_RANK
    dimension: int = 2**31 - 1
    row_bytes: int = MAX_BYTES  # of one row of an input or output
    ports: int = 16  # inputs, and outputs
    port_name: int = MAX_NAME  # characters
    name: int = 1024  # of anything else, characters
    opset_least: int = 7
    opset_most: int = 26
    ml_opset_most: int = 5
    memory_bytes: int = 3 * 1024 * 1024 * 1024  # address space of the examining process
    cpu_s: int = 30
    wall_s: float = 45.0


LIMITS = Limits()


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing to know. `pointer` is a path into the file (`/graph/node/3`), `node` its name or index."""

    level: Level
    code: Short
    detail: Text
    node: Text = ""
    operator: Text = ""
    pointer: Text = ""
    expected: Text = ""
    got: Text = ""
    hint: Text = ""
    modes_ruled_out: tuple[Short, ...] = ()


class Where(TypedDict, total=False):
    """The place of a finding, to be spread into `finding`'s arguments."""

    node: str
    operator: str
    pointer: str


def finding(
    code: str,
    detail: str,
    *,
    level: Level = "error",
    node: str = "",
    operator: str = "",
    pointer: str = "",
    expected: str = "",
    got: str = "",
    hint: str = "",
    modes_ruled_out: tuple[str, ...] = (),
) -> Finding:
    """A Finding whose texts, which may come from the file, are short and printable."""
    return Finding(
        level=level,
        code=code,
        detail=legible(detail),
        node=legible(node),
        operator=legible(operator),
        pointer=legible(pointer),
        expected=legible(expected),
        got=legible(got),
        hint=hint,
        modes_ruled_out=modes_ruled_out,
    )


class Found(Exception):
    """Carries a finding to where findings are collected, because going on with this part is pointless."""

    def __init__(self, what: Finding) -> None:
        super().__init__(what.code)
        self.finding = what


def legible(text: str, most: int = MAX_TEXT) -> str:
    shown = "".join(char if char.isprintable() else "\ufffd" for char in text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"


class OpsetImport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    domain: Text
    version: int


class Ports(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a graph takes and gives; the first axis of each is the rows of a request and is -1."""

    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an ONNX file says of itself. What could not be found out is empty or 0, and a finding says why."""

    findings: tuple[Finding, ...] = ()
    opsets: tuple[OpsetImport, ...] = ()
    producer: Text = ""
    ports: Ports = Ports()
    parameters: Count = 0
    operators: dict[Text, Count] = {}

    @property
    def refused(self) -> bool:
        """Whether something speaks against serving the file."""
        return any(finding.level == "error" for finding in self.findings)


class Outcome(Facts, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far the examination has come: the stage that comes next, empty when it is over."""

    next: Literal["parse", "check", "run", ""]


class Report(Facts, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The result of an examination. `digest` is the file's SHA-256, `size` is in bytes."""

    digest: Digest
    size: Count

    @property
    def accepted(self) -> bool:
        return not self.refused

    @property
    def inputs(self) -> tuple[Port, ...]:
        return self.ports.inputs

    @property
    def outputs(self) -> tuple[Port, ...]:
        return self.ports.outputs
