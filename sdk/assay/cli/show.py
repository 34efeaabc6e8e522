"""What the terminal shows.

Text from outside is cleaned of control characters first: it could move the cursor and repaint what stands above.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from assay.errors import AssayError, PaymentRequired
from assay.verify import Report

WORDS = {True: ("yes", "green"), False: ("no", "red"), None: ("not asked", "dim")}


def clean(text: str) -> str:
    """`text` with everything unprintable, line breaks and direction marks included, written as an escape."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def line(console: Console, *parts: str | tuple[str, str]) -> None:
    """One line of texts and (text, style); never wrapped, so that digests can be copied."""
    console.print(Text.assemble(*parts), soft_wrap=True)


def error(problem: AssayError) -> None:
    """To standard error: what went wrong, where, what was expected, what came, what to try."""
    console = Console(stderr=True, highlight=False)
    line(console, ("error: ", "bold red"), clean(problem.detail))
    if isinstance(problem, PaymentRequired) and problem.missing:
        line(console, f"      {'missing':10}", str(problem.missing))
    _fields(console, problem)


def report(console: Console, checked: Report) -> None:
    """A report in plain words, the verdict last."""
    if checked.certificate is not None:
        identity = checked.certificate.id.hex()
        line(console, ("Certificate", "bold"), f" {identity}, mode {checked.certificate.mode}")
    _listed(console, "It says" if checked.valid else "It says, without proof", checked.claims)
    _listed(console, "It does not promise", checked.caveats)
    _listed(console, "To believe it is to trust", filter(None, [checked.trusted]))
    line(console, ("Checked", "bold"))
    _fact(console, "valid", checked.valid, "the evidence proves what it says")
    if checked.pinned and not checked.valid:  # anybody can claim to be anybody
        claimed = ("claimed    ", "yellow"), ("it names someone you named, without proof", "dim")
        line(console, f"  {'pinned':8}", *claimed)
    else:
        _fact(console, "pinned", checked.pinned, "it rests on someone you named")
    _fact(console, "input", checked.input_matches, "it is about the input you gave")
    if checked.findings:
        line(console, ("Not so", "bold"))
    for finding in checked.findings:
        line(console, ("  • ", "red"), clean(finding.detail))
        _fields(console, finding)
    _verdict(console, checked)


def _verdict(console: Console, checked: Report) -> None:
    match checked.exit_code:
        case 0:
            line(console, ("Accepted.", "bold green"))
        case 3:
            line(console, ("Valid, but by nobody you named: ", "bold yellow"), clean(str(checked.anchor)))
            if checked.anchor is not None:
                option = f"--{checked.anchor.kind} {checked.anchor.text}"
                line(console, f"  If that is whom you trust, say so: {clean(option)}")
            if checked.anchor is not None and len(checked.epochs) > 1:
                latest = f"epoch {checked.epochs[-1]} alone: --group {checked.anchor.epochs[-1].hex()}"
                line(console, f"  To trust the keys of {latest}")
        case _:
            line(console, ("Refused.", "bold red"))


def _listed(console: Console, title: str, texts: Iterable[str]) -> None:
    for i, text in enumerate(texts):
        if i == 0:
            line(console, (title, "bold"))
        line(console, "  • ", clean(text))


def _fact(console: Console, name: str, value: bool | None, meaning: str) -> None:
    word, style = WORDS[value]
    line(console, f"  {name:8}", (f"{word:11}", style), (meaning, "dim"))


def _fields(console: Console, problem: AssayError) -> None:
    for name, value in (
        ("where", problem.pointer),
        ("expected", problem.expected),
        ("got", problem.got),
        ("hint", problem.hint),
    ):
        if value:
            line(console, f"      {name:10}", clean(value))
