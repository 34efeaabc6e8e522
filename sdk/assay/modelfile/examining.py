"""A file examined: parsed, looked over, held against ONNX's own rules and against the reproducible operators."""

from __future__ import annotations

import onnx
import onnx.checker
import onnx.shape_inference
from google.protobuf.message import DecodeError
from msgspec.structs import asdict, replace

from assay.digest import sha256
from assay.modelfile import ports, structure, walk
from assay.modelfile.report import (
    LIMITS,
    Facts,
    Finding,
    Found,
    Limits,
    OpsetImport,
    Report,
    finding,
    legible,
)
from assay.modelfile.reproducing import reproduce

MAX_OPERATORS = 1000  # different ones listed in a report
MAX_OPSETS = 16
ORT_FORMAT = b"ORTM"  # at offset 4: onnxruntime would take the file for its own format instead of ONNX


def examine(data: bytes, limits: Limits = LIMITS) -> Report:
    """All that can be said without running the model in a file of at most `limits.file_bytes`."""
    model, facts = read(data, limits)
    if model is not None and not facts.refused:
        facts = check(model, facts, limits)
    if model is not None and not facts.refused:
        facts = reproduce(model, facts)
    return Report(digest=sha256(data), size=len(data), **asdict(facts.shortened()))


def read(data: bytes, limits: Limits = LIMITS) -> tuple[onnx.ModelProto | None, Facts]:
    """The file parsed and looked over."""
    try:
        model = _parse(data)
    except Found as error:
        return None, Facts(findings=(error.finding,))
    if unfit := tuple(structure.sizes(model, limits)) or tuple(map(_undecodable, walk.undecodable(model))):
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


def check(model: onnx.ModelProto, facts: Facts, limits: Limits = LIMITS) -> Facts:
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


def _parse(data: bytes) -> onnx.ModelProto:
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


def _undecodable(pointer: str) -> Finding:
    return finding("not-text", "a text is not UTF-8", pointer=pointer)
