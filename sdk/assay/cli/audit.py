"""`assay audit`: has a member of a group broken its word, and who? Offline, from any signed things there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from rich.console import Console

from assay.agreement.blame import evidence as blame
from assay.agreement.blame.evidence import AnyEvidence
from assay.agreement.blame.guilt import require_guilt
from assay.cli import files, show, trust
from assay.errors import NotVerified, Refused
from assay.verify.audit import Signed, audit, names_of, read
from assay.verify.blame import sentence

NOTHING, FOUND = 0, 1  # exit codes of an audit
STANDS, UNPINNED = 0, 3  # of --check, as of `assay verify`: 1 is for what proves nothing; 2 for usage errors


@click.command("audit")
@click.argument("paths", metavar="FILES...", nargs=-1)
@click.option("--check", "checked", metavar="EVIDENCE", help="Check this one piece of evidence instead.")
@click.option(
    "--group",
    "groups",
    metavar="DIGEST",
    multiple=True,
    help="Only what is about this group: its genesis, or a later configuration.",
)
@click.option("--out", "folder", metavar="FOLDER", type=Path, help="Write each piece that is found there.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    paths: tuple[str, ...],
    checked: str | None,
    groups: tuple[str, ...],
    folder: Path | None,
) -> None:
    """Look for broken words in FILES: certificates of groups, receipts, transcripts and evidence, in any mixture.

    What is found convicts by the accused's own signatures, and anyone can check it; write it out with --out.

    Exits with 0 if nothing is found, 1 if something is; 2 also where a file is none of these. With --check
    EVIDENCE: 0 if it stands and is about a --group that you named, 1 if it proves nothing, 3 if it stands but you
    named no group.
    """
    named = trust.of((), groups, (), None).groups
    console = Console(highlight=False)
    if checked is not None:
        if paths or folder is not None:
            raise click.UsageError("--check takes one piece of evidence, and neither FILES nor --out")
        ctx.exit(_check(console, checked, named))
    if not paths:
        raise click.UsageError("name files to look into, or one piece of evidence with --check")
    ctx.exit(_audit(console, list(_of(paths, named)), folder))


def _check(console: Console, path: str, named: frozenset[bytes]) -> int:
    try:
        evidence = blame.parse(files.read(path))
    except Refused as error:
        raise error.under(f"{path} ") from error
    if named and not named & names_of(evidence):
        raise NotVerified(
            "about a group that you have not named",
            code="not-pinned",
            pointer="/epochs/0",
            expected=" | ".join(sorted(each.hex() for each in named)),
            got=evidence.group.hex(),
        )
    guilty = require_guilt(evidence, evidence.group)
    _tell(console, evidence)
    for each in guilty:
        show.line(console, f"  guilty: {show.clean(each.owner)}, member {each.member}, {each.key}")
    if named:
        show.line(console, ("It stands.", "bold green"))
        return STANDS
    show.line(console, ("It stands, but against members of a group that you have not named.", "bold yellow"))
    show.line(console, f"  If that is the group you mean, say so: --group {evidence.group.hex()}")
    return UNPINNED


def _audit(console: Console, every: list[Signed], folder: Path | None) -> int:
    found = audit(every)
    for evidence in found.evidence:
        _tell(console, evidence)
        show.line(console, (f"  group {evidence.group.hex()}", "dim"))
        if folder is not None:
            show.line(console, f"  written to {show.clean(str(_write(folder, evidence)))}")
    if found.unproven:
        show.line(console, (f"{found.unproven} proved nothing: no member has signed what they say.", "dim"))
    if found.evidence:
        show.line(console, (f"{len(found.evidence)} found.", "bold red"))
        return FOUND
    if not every:
        show.line(console, ("Nothing was looked into", "bold yellow"), ": no file is of a group, or of one named.")
    else:
        show.line(console, ("Nothing found.", "bold green"), f" Looked into {len(every)}.")
    return NOTHING


def _of(paths: Iterable[str], named: frozenset[bytes]) -> Iterator[Signed]:
    """What the files hold about the groups named, or about any. A file that is none of these is a usage error."""
    for path in paths:
        try:
            every = list(read(files.read(path)))
        except Refused as error:
            raise click.UsageError(f"{path}: {error}") from error
        yield from (each for each in every if not named or named & names_of(each))


def _tell(console: Console, evidence: AnyEvidence) -> None:
    show.line(console, (evidence.kind, "bold red"), f"  {show.clean(sentence(evidence))}")


def _write(folder: Path, evidence: AnyEvidence) -> Path:
    """Named by its digest, so that the same evidence is the same file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{evidence.kind}-{evidence.id.hex()[:16]}.cbor"
    path.write_bytes(evidence.to_cbor())
    return path
