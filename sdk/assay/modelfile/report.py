"""What is known of an ONNX file once it has been examined, and what such a file may be at most.

A finding of level `error` means the file is not accepted; a `warning` is for the owner to think about; `info` is
a fact worth showing. Strings that come from the file are shortened and printable.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Self, TypedDict

import msgspec

from assay.model import Digest, Port
from assay.tensor import MAX_BYTES, MAX_NAME, MAX_RANK

REFEREED = "refereed"  # the mode in which a run is repeated in a dispute, to the bit
MAX_FINDINGS = 100  # the rest is counted in a last one
MAX_TEXT = 500  # of one field of a finding, characters

Short = Annotated[str, msgspec.Meta(max_length=128)]
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Level = Literal["error", "warning", "info"]
Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model may be at most. Opsets are what onnxruntime 1.31 reads."""

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


def alike(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Those together that differ only in where they are: what is wrong with several nodes is said once."""
    found: dict[Finding, list[Finding]] = {}
    for each in findings:
        found.setdefault(msgspec.structs.replace(each, node="", pointer=""), []).append(each)
    return list(found.values())


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


class Reproducible(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """That a model runs on the reproducible operators (docs/reproducible-operators.md), and what one row takes."""

    version: Count  # of the specification
    memory: Count  # bytes, of constants and of what is computed
    nodes: Count
    length: Count  # of axes of any length, rows aside, in this row; 0 if there are none


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an ONNX file says of itself. What could not be found out is empty or 0, and a finding says why.

    `reproducible` is None where a finding rules mode refereed out, or where nobody has looked.
    """

    findings: tuple[Finding, ...] = ()
    opsets: tuple[OpsetImport, ...] = ()
    producer: Text = ""
    ports: Ports = Ports()
    parameters: Count = 0
    operators: dict[Text, Count] = {}
    reproducible: Reproducible | None = None

    @property
    def refused(self) -> bool:
        """Whether something speaks against serving the file."""
        return any(finding.level == "error" for finding in self.findings)

    def shortened(self) -> Self:
        """With findings beyond MAX_FINDINGS counted in a last one, which rules out whatever they did."""
        shown, left = self.findings[:MAX_FINDINGS], self.findings[MAX_FINDINGS:]
        if not left:
            return self
        more = finding(
            "more",
            "there are more findings",
            level="error" if self.refused else "info",
            got=str(len(left)),
            modes_ruled_out=tuple(sorted({mode for each in left for mode in each.modes_ruled_out})),
        )
        return msgspec.structs.replace(self, findings=(*shown, more))


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
