"""What an owner says about a file, held against what the file's graph says, until they make one `Interface`.

The owner may leave ports out: the graph knows them. What is given must agree with the graph, and each
disagreement becomes a finding of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Annotated, Any, Literal, Protocol

import msgspec

from assay import jsonform
from assay.errors import Refused
from assay.model import (
    ANY,
    ImagePreprocessing,
    Interface,
    ModelReference,
    NoPreprocessing,
    Port,
    Preprocessing,
    RowPreprocessing,
    Text,
)
from assay.modelfile.modes import verdicts
from assay.modelfile.report import Facts, Finding, Ports
from marketplace import text
from marketplace.catalogue.models import ModelVersion
from verification.registry import MODES

CHANNELS = {"gray": 1, "rgb": 3, "bgr": 3}
_Ports = Annotated[tuple[Port, ...], msgspec.Meta(max_length=16)]


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An interface in which ports may be missing. Every `Interface` in JSON is one."""

    task: Literal["classification", "regression", "other"] = "other"
    labels: Annotated[tuple[Text, ...], msgspec.Meta(max_length=10_000)] = ()
    preprocessing: Preprocessing = NoPreprocessing()
    inputs: _Ports = ()
    outputs: _Ports = ()


def declaration(plain: Any, pointer: str = "/interface") -> Declaration:
    """A declaration from decoded JSON. Raises Refused naming the field."""
    try:
        declared = jsonform.convert(plain, Declaration)
    except Refused as error:
        raise error.under(pointer) from error
    return checked(declared, pointer)


def checked(declared: Declaration, pointer: str = "/interface") -> Declaration:
    """`declared`, once what it says is known not to contradict itself. Raises Refused naming the field."""
    if len(set(declared.labels)) != len(declared.labels):
        raise Refused("labels must differ", pointer=f"{pointer}/labels", expected="distinct labels")
    if declared.inputs and declared.outputs:
        _joined(declared, Ports()).checked(pointer)
    text.everywhere(plain(declared), pointer)
    return declared


def complete(declared: Declaration, graph: Ports) -> tuple[Interface | None, tuple[Finding, ...]]:
    """The interface that results, or None and why not."""
    findings = [
        *_disagreements("inputs", declared.inputs, graph.inputs),
        *_disagreements("outputs", declared.outputs, graph.outputs),
    ]
    if findings or not graph.inputs or not graph.outputs:
        return None, tuple(findings)
    interface = _joined(declared, graph)
    try:
        interface.checked("/interface")
    except Refused as error:
        findings.append(_mismatch(error.pointer, error.detail, error.expected, error.got))
    else:
        findings += [*_preprocessing(interface), *_labels(interface)]
    return (None if findings else interface), tuple(findings)


# --- as stored --------------------------------------------------------------------------------------------


def plain(value: msgspec.Struct) -> dict[str, Any]:
    """`value` for a JSON column or an API answer."""
    result: dict[str, Any] = msgspec.to_builtins(value)
    return result


class Asked(Protocol):
    """What questions are put to: a version, or a group."""

    interface: Any  # as stored


def interface_of(asked: Asked) -> Interface:
    """The interface of a ready version, or of a group. Raises Refused for a version that is not ready."""
    if asked.interface is None:
        raise Refused("this version is not ready", code="version-not-ready", pointer=str(asked))
    return msgspec.convert(asked.interface, Interface)


def reference_of(version: ModelVersion) -> ModelReference:
    """A ready version as certificates name it. Raises Refused for a version that is not ready."""
    interface = interface_of(version)
    assert version.digest is not None, "what has an interface has a digest"
    return ModelReference(digest=bytes(version.digest), interface=interface)


def facts_of(version: ModelVersion) -> Facts:
    """What the check found out about this version's file; nothing, where there was none."""
    report = version.report or {}
    return msgspec.convert({name: report[name] for name in Facts.__struct_fields__ if name in report}, Facts)


def modes_of(version: ModelVersion) -> list[str]:
    """The modes in which models are asked and that the check did not rule out for this version's file."""
    facts = facts_of(version)
    unfit = {each.mode.name for each in verdicts(facts) if not each.possible}
    ruled_out = {mode for finding in facts.findings for mode in finding.modes_ruled_out} | unfit
    return [mode.name for mode in MODES.values() if mode.asks == "model" and mode.name not in ruled_out]


# --- agreement --------------------------------------------------------------------------------------------


def _joined(declared: Declaration, graph: Ports) -> Interface:
    return Interface(
        task=declared.task,
        inputs=declared.inputs or graph.inputs,
        outputs=declared.outputs or graph.outputs,
        labels=declared.labels,
        preprocessing=declared.preprocessing,
    )


def _disagreements(kind: str, declared: tuple[Port, ...], graph: tuple[Port, ...]) -> Iterator[Finding]:
    if not declared:
        return
    found = {port.name: port for port in graph}
    if sorted(found) != sorted(port.name for port in declared):
        names = [port.name for port in declared]
        yield _mismatch(f"/interface/{kind}", f"other {kind} than the file has", list(found), names)
        return
    for i, port in enumerate(declared):
        have, where = found[port.name], f"/interface/{kind}/{i}"
        if port.datatype != have.datatype:
            yield _mismatch(f"{where}/datatype", f"{port.name}: wrong datatype", have.datatype, port.datatype)
        fits = len(port.shape) == len(have.shape) and all(
            theirs in (ANY, ours) for ours, theirs in zip(port.shape, have.shape, strict=True)
        )
        if not fits:
            yield _mismatch(f"{where}/shape", f"{port.name}: wrong shape", list(have.shape), list(port.shape))


def _preprocessing(interface: Interface) -> Iterator[Finding]:
    """That a picture or a row has as many values as the input takes."""
    match interface.preprocessing:
        case ImagePreprocessing(height=height, width=width, channels=channels, layout=layout):
            count = CHANNELS[channels]
            row = {
                "flat": (height * width * count,),
                "hwc": (height, width, count),
                "chw": (count, height, width),
            }[layout]
        case RowPreprocessing(fields=fields):
            row = (len(fields),)
        case _:
            return
    wanted = interface.inputs[0].shape[1:]
    if wanted != row and not (ANY in wanted and len(wanted) == len(row)):
        yield _mismatch("/interface/preprocessing", "gives rows of another shape", list(wanted), list(row))


def _labels(interface: Interface) -> Iterator[Finding]:
    """That scores, where there are any, are as many as labels."""
    counts = {
        prod(port.shape[1:])
        for port in interface.outputs
        if port.datatype.startswith("FP") and len(port.shape) == 2 and port.shape[1] > 1
    }
    if interface.labels and counts and len(interface.labels) not in counts:
        expected = " | ".join(f"{count} labels" for count in sorted(counts))
        yield _mismatch("/interface/labels", "not as many labels as scores", expected, len(interface.labels))


def _mismatch(pointer: str, detail: str, expected: object, got: object) -> Finding:
    return Finding(
        level="error",
        code="wrong-interface",
        detail=detail,
        pointer=pointer,
        expected=str(expected)[:500],
        got=str(got)[:500],
        hint="Correct what you declared, or leave the ports out: they are read from the file.",
    )
