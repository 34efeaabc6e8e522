"""A model's report in the terminal: what it is, then each mode with what stands in its way. Fits any width."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from rich.console import Console
from rich.text import Text

from assay.cli.show import clean, line
from assay.model import ANY, Port
from assay.modelfile.modes import Verdict, general
from assay.modelfile.report import REFEREED, Finding, Report, Reproducible, alike

OPERATORS = 12  # kinds shown, those that occur most often
NARROWEST = 16  # columns of text beside a mark
NODES = 20  # named of those that one thing is wrong with
WORDS = {True: ("yes", "bold green"), False: ("no ", "bold red")}
NOT_TRIED = "the marketplace also runs a file once, and compares rows answered alone and together."
LEVELS = {"error": "red", "warning": "yellow", "info": "dim"}


def report(file: str, checked: Report, asked: Sequence[Verdict]) -> None:
    """`asked`: of the modes that are to be shown. The conclusion comes last."""
    console = Console(highlight=False)
    line(console, (clean(file), "bold"), f"  {_size(checked.size)}, SHA-256 {checked.digest.hex()}")
    _facts(console, checked)
    what_was_found(console, checked, asked)
    _conclusion(console, checked, asked)


def what_was_found(console: Console, checked: Report, asked: Sequence[Verdict]) -> None:
    found = general(checked)
    errors = [each for each in found if each.level == "error"]
    notes = [each for each in found if each.level != "error"]
    for title, some in (("It cannot be served", errors), ("To think about", notes)):
        if some:
            console.print(Text(f"\n{title}", "bold"))
            _findings(console, some)
    for i, each in enumerate(asked):
        if i == 0 or checked.accepted:
            console.print()
        _verdict(console, each, checked)


def _facts(console: Console, checked: Report) -> None:
    opsets = dict.fromkeys(f"{each.domain or 'ai.onnx'} {each.version}" for each in checked.opsets)
    facts = {
        "takes": _ports(checked.inputs),
        "gives": _ports(checked.outputs),
        "made by": checked.producer,
        "opsets": ", ".join(opsets),
        "holds": _content(checked) if checked.operators else "",
    }
    _fields(console, facts, 2)


def _ports(ports: Iterable[Port]) -> str:
    return "; ".join(f"{port.name} ({port.datatype}, {_shape(port)})" for port in ports)


def _shape(port: Port) -> str:
    return " × ".join(["rows", *("any" if axis == ANY else str(axis) for axis in port.shape[1:])])


def _content(checked: Report) -> str:
    shown = [f"{count} {name}" for name, count in islice(checked.operators.items(), OPERATORS)]
    more = len(checked.operators) - OPERATORS
    kinds = ", ".join(shown + ([f"{more} kinds more"] if more > 0 else []))
    return f"{_count(checked.parameters, 'parameter')}; {_count(sum(checked.operators.values()), 'node')}: {kinds}"


def _verdict(console: Console, verdict: Verdict, checked: Report) -> None:
    mode = verdict.mode
    title = mode.title if mode.today else f"{mode.title}, not offered yet"
    head = Text.assemble((f"{mode.name:9}", "bold"), "  ", WORDS[verdict.possible])
    _hanging(console, head, Text(title), 0)
    if checked.refused:
        return
    _hanging(console, Text(" "), Text(mode.means, "dim"), 0)
    if mode.name == REFEREED and checked.reproducible is not None:
        _fields(console, {"runs on": _program(checked.reproducible)}, 2)
    _findings(console, verdict.obstacles)


def _program(found: Reproducible) -> str:
    length = f", axes of any length taken as {found.length}" if found.length else ""
    return f"reproducible operators, version {found.version}; {_size(found.memory)} of memory for one row{length}"


def _conclusion(console: Console, checked: Report, asked: Sequence[Verdict]) -> None:
    no = [each for each in asked if not each.possible]
    verdict = Text("Not possible:", "bold red") if no else Text("Possible:", "bold green")
    console.print()
    _hanging(console, verdict, Text(", ".join(each.mode.name for each in no or asked) + "."), 0)
    if checked.accepted:
        _hanging(console, Text("Not tried here:", "dim"), Text(NOT_TRIED, "dim"), 0)


# --- findings ---------------------------------------------------------------------------------------------------


def _findings(console: Console, found: Iterable[Finding]) -> None:
    """What is wrong with several nodes in the same way is said once."""
    for each in alike(found):
        what = each[0]
        subject = ((clean(what.operator), "bold"), ": ") if what.operator else ()
        _hanging(console, Text("•", LEVELS[what.level]), Text.assemble(*subject, clean(what.detail)), 2)
        fields = {"where": _where(each), "expected": what.expected, "got": what.got, "hint": what.hint}
        _fields(console, fields, 4)


def _where(nodes: Sequence[Finding]) -> str:
    places = [" at ".join(filter(None, (each.node, each.pointer))) for each in nodes[:NODES]]
    more = [f"{len(nodes) - NODES} more"] if len(nodes) > NODES else []
    return "; ".join(filter(None, places + more))


def _fields(console: Console, fields: Mapping[str, str], indent: int) -> None:
    for name, value in fields.items():
        if value:
            _hanging(console, Text(f"{name:8}", "dim"), Text(clean(value)), indent)


def _hanging(console: Console, mark: Text, text: Text, indent: int) -> None:
    """The text beside a mark, its further lines below its first."""
    room = max(console.width - indent - mark.cell_len - 1, NARROWEST)
    for i, each in enumerate(text.wrap(console, room, overflow="fold")):
        each.rstrip()
        beside = mark if i == 0 else Text(" " * mark.cell_len)
        console.print(Text.assemble(" " * indent, beside, " ", each), soft_wrap=True)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _size(count: int) -> str:
    for unit, size in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
