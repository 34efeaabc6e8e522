"""`assay predict`: ask a model or a group, and show the answer only once its certificate was checked here."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import click
from rich.console import Console

from assay._api import GROUP
from assay.cli import config, files, show, trust
from assay.client import DEFAULT_TIMEOUT, Prediction
from assay.errors import Refused
from assay.money import micros
from assay.preprocessing import to_payload


@click.command("predict")
@click.argument("model", metavar="[MODEL]", default="")
@click.option(*("--input", "--image", "given"), metavar="FILE", required=True, help="A .png, .json or .csv file.")
@click.option(
    "--mode", default="", show_default="direct, of a group agreement", help="How the answer is to be verified."
)
@click.option("--quote", metavar="ID", type=click.UUID, help="Pay by this quote's prices; see `assay quote`.")
@click.option(
    "--most",
    metavar="AMOUNT",
    callback=lambda ctx, option, text: _amount(text),  # noqa: ARG005 - click's signature
    help="Pay no more than this, such as 0.05.",
)
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
    quote: UUID | None,
    most: int | None,
    save: Path | None,
    wait: float,
    providers: tuple[str, ...],
    groups: tuple[str, ...],
    commitments: tuple[str, ...],
    trust_file: Path | None,
) -> None:
    """Ask MODEL (owner/name or owner/name@version), or a group with --group NAME, about what is in a file.

    The genesis digest of a group, given to --group as well, says that you trust it. Exits with 0 only if the
    certificate that came with the answer is valid, about this input, and, where you named anyone, by one of them.
    """
    group, genesis = _asked_and_trusted(groups)
    if bool(model) == bool(group):
        raise click.UsageError("ask either a MODEL or a group: --group NAME")
    named = trust.of(providers, genesis, commitments, trust_file)
    inputs = to_payload(files.read(given), files.content_type(given))
    with config.client() as client:
        prediction = client.predict(
            model, group=group, inputs=inputs, verify=mode, quote=quote, most=most, trust=named, timeout=wait
        )
    if save:
        config.write_private(save, prediction.receipt.to_json())
    _show(prediction, save)


def _amount(text: str | None) -> int | None:
    try:
        return None if text is None else micros(text, "")
    except Refused as error:
        raise click.BadParameter(str(error)) from error


def _asked_and_trusted(groups: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The group that is to be asked, by its name, and those that are trusted, by their digests."""
    names = [each for each in groups if GROUP.fullmatch(each)]
    if len(names) > 1:
        raise click.UsageError("one group at a time")
    return "".join(names), tuple(each for each in groups if each not in names)


def _anchor(prediction: Prediction) -> str:
    """The option that names what the answer rests on."""
    return "provider" if prediction.report.anchor is None else prediction.report.anchor.kind


def _cost(prediction: Prediction) -> str:
    """As the server says."""
    cost = prediction.cost
    if cost is None:
        return "nothing: it is free"
    if cost.charged is None:
        return f"at most {cost.quoted}"
    back = f", {cost.returned} came back" if cost.returned and cost.returned.micros else ""
    return f"{cost.charged}{back}"


def _show(prediction: Prediction, save: Path | None) -> None:
    console = Console(highlight=False)
    for answer in prediction.answers:
        score = "" if answer.score is None else f"  (score {answer.score:.4g})"
        style = "bold yellow" if answer.contested else "bold"
        show.line(console, (show.clean(answer.text), style), score)
    show.line(console, "checked here: valid, and about your input; ", show.clean(str(prediction.report.anchor)))
    if prediction.report.pinned is None:
        show.line(console, ("you named nobody to trust: ", "yellow"), f"see --{_anchor(prediction)}")
    show.line(console, f"certificate {prediction.certificate.id.hex()}")
    show.line(console, "cost ", _cost(prediction))
    if save:
        show.line(console, f"receipt saved in {save}; keep it to yourself: it can give your input away")
