"""`assay verify`: is this certificate valid, by someone I named, and about my input? Offline."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from assay import receipt
from assay.certificate import AnyCertificate
from assay.cli import files, show, trust
from assay.digest import SIZE
from assay.errors import Refused
from assay.preprocessing import preprocess
from assay.verify import Report, Trust, check, unreadable


@click.command("verify")
@click.argument("file", metavar="FILE")
@trust.options
@click.option("--input", "given", metavar="FILE", help="What you sent (.png, .json or .csv); needs the salt.")
@click.option("--salt", metavar="HEX", help="The salt that came with the prediction, unless FILE is a receipt.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    file: str,
    providers: tuple[str, ...],
    groups: tuple[str, ...],
    commitments: tuple[str, ...],
    trust_file: Path | None,
    given: str | None,
    salt: str | None,
    as_json: bool,
) -> None:
    """Check FILE, a certificate (CBOR or JSON) or a receipt, without any network; `-` is standard input.

    Exits with 0 only if it is valid, rests on someone you named, and is about the input if you gave one; with 1 if
    something is false; with 3 if it is valid but you named nobody. Then the anchor is printed: whose word it is.
    """
    checked = _check(file, trust.of(providers, groups, commitments, trust_file), given, _salt(salt))
    if as_json:
        click.echo(json.dumps(_plain(checked), indent=2))
    else:
        show.report(Console(highlight=False), checked)
    ctx.exit(checked.exit_code)


def _check(file: str, named: Trust, given: str | None, salt: bytes | None) -> Report:
    try:
        certificate, own = receipt.read(files.read(file))
    except Refused as refusal:
        return unreadable(refusal)
    if given is None:
        return check(certificate, named)
    if salt is None and own is None:
        raise click.UsageError(
            "--input needs the salt that came with the prediction: pass --salt HEX (the answer's `salt`), "
            "or as FILE the receipt, which holds it"
        )
    return checked_with_input(certificate, named, given, salt or own)


def checked_with_input(certificate: AnyCertificate, named: Trust, given: str, salt: bytes | None) -> Report:
    """The check with the input in the file `given`; one that the model cannot take is not its input."""
    try:
        inputs = preprocess(certificate.interface, files.read(given), files.content_type(given))
    except Refused as refusal:
        report = check(certificate, named)
        findings = (*report.findings, refusal.under(f"{given} " if refusal.pointer else given))
        return replace(report, input_matches=False, findings=findings)
    return check(certificate, named, inputs=inputs, salt=salt)


def _salt(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        salt = bytes.fromhex(text)
    except ValueError:
        salt = b""
    if len(salt) != SIZE:
        raise click.UsageError(f"--salt: expected {2 * SIZE} hexadecimal digits, got {text[:80]!r}")
    return salt


def _plain(report: Report) -> dict[str, object]:
    certificate, anchor = report.certificate, report.anchor
    return {
        "certificate": certificate and certificate.id.hex(),
        "mode": certificate and certificate.mode,
        "valid": report.valid,
        "pinned": report.pinned,
        "input_matches": report.input_matches,
        "anchor": anchor and {"kind": anchor.kind, "digest": anchor.text},
        "epochs": report.epochs,
        "claims": report.claims,
        "caveats": report.caveats,
        "findings": [finding.fields() for finding in report.findings],
        "exit": report.exit_code,
    }
