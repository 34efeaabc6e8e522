"""`assay check-model`: in which modes can this ONNX file be offered, and what stands in the way? Offline."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import msgspec

from assay.cli import files
from assay.errors import TooLarge, Unavailable
from assay.modelfile.modes import MODES, Verdict, verdicts
from assay.modelfile.report import LIMITS, Report

if TYPE_CHECKING:
    from collections.abc import Sequence

POSSIBLE, NOT = 0, 1  # exit codes; 2 is for usage errors


@click.command("check-model")
@click.argument("file", metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--mode", type=click.Choice([each.name for each in MODES]), help="Ask about this mode alone.")
@click.pass_context
def command(ctx: click.Context, *, file: str, as_json: bool, mode: str | None) -> None:
    """Examine FILE, an ONNX model, as the marketplace will when it is uploaded; `-` is standard input.

    Says what the model takes and gives, and for each verification mode whether it can be offered in it; if not,
    what stands in the way, node by node. The model is not run.

    Exits with 0 if every mode (or the one named) is possible, 1 if not.
    """
    report = _examined(file)
    asked = [each for each in verdicts(report) if mode in (None, each.mode.name)]
    code = POSSIBLE if all(each.possible for each in asked) else NOT
    if as_json:
        click.echo(json.dumps(_plain(file, report, asked) | {"exit": code}, indent=2))
    else:
        from assay.cli import show_model

        show_model.report(file, report, asked)
    ctx.exit(code)


def _examined(file: str) -> Report:
    """Raises TooLarge; Unavailable where the package is missing that reads ONNX."""
    data = files.head(file, LIMITS.file_bytes + 1)
    if len(data) > LIMITS.file_bytes:
        raise TooLarge("the file is too large", pointer=file, expected=f"at most {LIMITS.file_bytes} bytes")
    try:
        from assay.modelfile.examining import examine
    except ModuleNotFoundError as error:
        hint = "pip install 'assay[reproducible]'"
        raise Unavailable(f"this needs the package `{error.name}`", hint=hint) from error
    return examine(data)


def _plain(file: str, report: Report, asked: Sequence[Verdict]) -> dict[str, object]:
    """All that is known, with the digest as text."""
    return {
        "file": file,
        "sha256": report.digest.hex(),
        "size": report.size,
        "producer": report.producer,
        "opsets": {each.domain or "ai.onnx": each.version for each in report.opsets},
        "inputs": msgspec.to_builtins(report.inputs),
        "outputs": msgspec.to_builtins(report.outputs),
        "parameters": report.parameters,
        "operators": report.operators,
        "reproducible": msgspec.to_builtins(report.reproducible),
        "findings": msgspec.to_builtins(report.findings),
        "modes": [
            {
                "name": each.mode.name,
                "title": each.mode.title,
                "offered_today": each.mode.today,
                "possible": each.possible,
                "obstacles": [report.findings.index(obstacle) for obstacle in each.obstacles],
            }
            for each in asked
        ],
    }
