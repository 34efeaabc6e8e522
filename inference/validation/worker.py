"""The examining process: `python -m inference.validation.worker LIMITS`, an upload on standard input.

It limits itself before it reads a byte, examines in stages, and after each writes an Outcome as one line of JSON.
It may crash, hang or be taken over by what it reads; runner.py counts on nothing but the lines.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from typing import Literal

import msgspec
import onnx
import onnx.checker
import onnx.shape_inference
from google.protobuf.message import DecodeError
from msgspec.structs import replace

from inference.validation import ports, structure, walk
from inference.validation.dryrun import dry_run
from inference.validation.report import (
    MAX_FINDINGS,
    Facts,
    Finding,
    Found,
    Limits,
    OpsetImport,
    Outcome,
    finding,
    legible,
)

MAX_OPERATORS = 1000  # different ones listed in a report
MAX_OPSETS = 16
ORT_FORMAT = b"ORTM"  # at offset 4: onnxruntime would take the file for its own format instead of ONNX


def main() -> None:
    limits = msgspec.json.decode(sys.argv[1], type=Limits)
    restrict(limits)
    say(Outcome(next="parse"))
    for outcome in examine(sys.stdin.buffer.read(limits.file_bytes), limits):
        say(outcome)
    os._exit(0)  # nothing to tidy up, and onnxruntime's destructors have nothing to add


def restrict(limits: Limits) -> None:
    """Memory, processor time; no files written, few opened, no processes started, no core dump."""
    for what, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def say(outcome: Outcome) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
    sys.stdout.buffer.flush()


def examine(data: bytes, limits: Limits) -> Iterator[Outcome]:
    """What is known after each stage; an error is the end."""
    model, facts = read(data, limits)
    yield _outcome("check", facts)
    if model is None or facts.refused:
        return
    facts = check(model, facts, limits)
    yield _outcome("run", facts)
    if facts.refused:
        return
    outputs, found = dry_run(data, facts.ports)
    yield _outcome("", replace(facts, ports=outputs, findings=(*facts.findings, *found)))


def read(data: bytes, limits: Limits) -> tuple[onnx.ModelProto | None, Facts]:
    """The file parsed and looked over; nothing in it is run, and no other file is touched."""
    try:
        model = parse(data)
    except Found as error:
        return None, Facts(findings=(error.finding,))
    if unfit := tuple(structure.sizes(model, limits)) or tuple(map(undecodable, walk.undecodable(model))):
        return model, Facts(findings=unfit)
    promised, wrong = ports.declared(model, limits)
    flaws = tuple(structure.structure(model, limits))
    sane = not any(flaw.level == "error" for flaw in flaws)
    imports = [OpsetImport(legible(each.domain), each.version) for each in model.opset_import[:MAX_OPSETS]]
    operators = structure.histogram(model).most_common(MAX_OPERATORS)
    facts = Facts(
        findings=(*flaws, *wrong),
        opsets=tuple(imports),
        producer=legible(f"{model.producer_name} {model.producer_version}".strip()),
        ports=promised,
        parameters=structure.parameters(model) if sane else 0,
        operators={legible(name): count for name, count in operators},
    )
    return model, facts


def undecodable(pointer: str) -> Finding:
    return finding("not-text", "a text is not UTF-8", pointer=pointer)


def parse(data: bytes) -> onnx.ModelProto:
    """Raises Found."""
    if data[4:8] == ORT_FORMAT:
        raise Found(finding("not-onnx", "this is onnxruntime's own format", hint="upload the .onnx file"))
    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        raise Found(finding("not-onnx", "the file is not ONNX, or is damaged", got=str(error))) from error
    if not model.graph.node:
        raise Found(finding("not-onnx", "the file holds no graph", pointer="/graph/node"))
    return model


def check(model: onnx.ModelProto, facts: Facts, limits: Limits) -> Facts:
    """The standard's own checker and shape inference; sharper ports from the latter."""
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        found = finding("invalid-onnx", "the file breaks a rule of ONNX", got=str(error))
        return replace(facts, findings=(*facts.findings, found))
    try:
        inferred = onnx.shape_inference.infer_shapes(model, check_type=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        found = finding("inconsistent-shapes", "the graph's shapes contradict each other", got=str(error))
        return replace(facts, findings=(*facts.findings, found))
    promised, wrong = ports.declared(inferred, limits)
    huge = structure.huge(inferred, limits)
    return replace(facts, ports=promised, findings=(*facts.findings, *wrong, *huge))


def _outcome(following: Literal["check", "run", ""], facts: Facts) -> Outcome:
    """Findings beyond MAX_FINDINGS are counted in a last one."""
    if len(facts.findings) > MAX_FINDINGS:
        level: Literal["error", "info"] = "error" if facts.refused else "info"
        more = finding("more", "there are more findings", level=level, got=str(len(facts.findings) - MAX_FINDINGS))
        facts = replace(facts, findings=(*facts.findings[:MAX_FINDINGS], more))
    fields = {name: getattr(facts, name) for name in Facts.__struct_fields__}
    return Outcome(next="" if facts.refused else following, **fields)


if __name__ == "__main__":
    main()
