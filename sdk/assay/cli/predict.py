"""`assay predict`: ask a model, and show the answer only once its certificate was checked here."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from assay.cli import config, files, show, trust
from assay.client import DEFAULT_TIMEOUT, Prediction
from assay.preprocessing import to_payload


@click.command("predict")
@click.argument("model", metavar="MODEL")
@click.option("--input", "given", metavar="FILE", required=True, help="A .png, .json or .csv file.")
@click.option("--mode", default="direct", show_default=True, help="How the answer is to be verified.")
@click.option("--save", metavar="FILE", type=Path, help="Write the receipt, which `assay verify` takes. Private.")
@click.option(
    "--wait", metavar="SECONDS", type=click.FloatRange(min=1), default=DEFAULT_TIMEOUT, show_default=True
)
@trust.options
def command(
    *,
    model: str,
    given: str,
    mode: str,
    save: Path | None,
    wait: float,
    providers: tuple[str, ...],
    groups: tuple[str, ...],
    commitments: tuple[str, ...],
    trust_file: Path | None,
) -> None:
    """Ask MODEL (owner/name or owner/name@version) about what is in a file.

    Exits with 0 only if the certificate that came with the answer is valid, about this input, and, where you named
    anyone, by one of them.
    """
    named = trust.of(providers, groups, commitments, trust_file)
    inputs = to_payload(files.read(given), files.content_type(given))
    with config.client() as client:
        prediction = client.predict(model, inputs=inputs, verify=mode, trust=named, timeout=wait)
    if save:
        config.write_private(save, prediction.receipt.to_json())
    _show(prediction, save)


def _show(prediction: Prediction, save: Path | None) -> None:
    console = Console(highlight=False)
    for answer in prediction.answers:
        score = "" if answer.score is None else f"  (score {answer.score:.4g})"
        show.line(console, (show.clean(answer.text), "bold"), score)
    show.line(console, "checked here: valid, and about your input; ", show.clean(str(prediction.report.anchor)))
    if prediction.report.pinned is None:
        show.line(console, ("you named nobody to trust: ", "yellow"), "see --provider")
    show.line(console, f"certificate {prediction.certificate.id.hex()}")
    if save:
        show.line(console, f"receipt saved in {save}; keep it to yourself: it can give your input away")
