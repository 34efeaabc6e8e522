# ruff: noqa: INP001, T201  # a script beside the page that it writes, not a package
"""Writes docs/operators.md, the list of all operators, from their declarations: `python docs/listing.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "sdk")]

import assay.operators.everything  # noqa: E402, F401 - declares them
import native.binders  # noqa: E402, F401 - and their kernels
from assay.operators import VERSION  # noqa: E402
from assay.operators.registry import Operator, operators  # noqa: E402
from native.sites import BINDERS  # noqa: E402

PAGE = ROOT / "docs" / "operators.md"
TITLES = {"": "ONNX's own", "ai.onnx.ml": "`ai.onnx.ml`: trees, linear models, support vector machines"}
WIDTH = 60  # characters of a list of attributes, before the rest is counted


INTRODUCTION = """# The reproducible operators

{count} operators in {definitions} definitions, version {version} of
[the specification](reproducible-operators.md). Printed from their declarations (`python docs/listing.py`).

An operator is taken in the versions listed: those of the operator set that brought or changed its definition; a
model of a newer operator set uses the last one before it. *C*: there is a kernel in `native/`; without one the
bits are the same. What stands in a model's way: `assay check-model model.onnx`.
"""


def page() -> str:
    definitions = {each for versions in operators().values() for each in versions.values()}
    introduction = INTRODUCTION.format(count=len(operators()), definitions=len(definitions), version=VERSION)
    sections = (section(domain) for domain in sorted({domain for domain, _ in operators()}))
    return introduction + "".join(f"{line}\n" for each in sections for line in each)


def section(domain: str) -> Iterator[str]:
    yield from (
        "",
        f"## {TITLES.get(domain, f'`{domain}`')}",
        "",
        "| operator | versions | inputs | attributes | C |",
    )
    yield "|---|---|---|---|---|"
    for (home, name), versions in sorted(operators().items()):
        if home == domain:
            for declared in dict.fromkeys(versions[version] for version in sorted(versions)):
                cells = listed(declared.versions), inputs(declared), attributes(declared)
                yield f"| `{name}` | {' | '.join(cells)} | {'C' if (domain, name) in BINDERS else ''} |"


def inputs(declared: Operator) -> str:
    if declared.most is None:
        return f"{declared.fewest} or more"
    return f"{declared.fewest}" if declared.fewest == declared.most else f"{declared.fewest} … {declared.most}"


def attributes(declared: Operator) -> str:
    names = [f"`{name}`" for name in declared.attributes]
    while sum(map(len, names)) > WIDTH:
        names = names[:-1]
    more = len(declared.attributes) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def listed(versions: tuple[int, ...]) -> str:
    return ", ".join(map(str, sorted(versions)))


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    print(f"{PAGE}: {len(operators())} operators, {len(BINDERS)} with a kernel")
