# ruff: noqa: INP001, T201  # a script beside its output, not a package
"""Writes the cases of operators and the hashes of what they give: operators.json, which README.md explains.

    python docs/vectors/operators.py

The plain operators compute them, so a second run changes nothing. Hashes of a published version never change: one
that would is named, and nothing is written. Before version 1 is published, `--replace` writes it all the same.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from assay.operators import VERSION
from assay.operators.arithmetic import Array
from assay.program.cases import CASES
from assay.program.cases.making import SPECIAL, Case, Given, Made
from assay.program.selftest import hashes

FILE = Path(__file__).with_suffix(".json")


def build() -> str:
    """One case to a line, so that differences can be read."""
    digits = {name: len(f"{bits[-1]:x}") for name, bits in SPECIAL.items()}
    special = {name: [f"{each:0{digits[name]}x}" for each in bits] for name, bits in SPECIAL.items()}
    head = {"format": "assay-operators/1", "version": VERSION, "special": special}
    lines = ",\n".join(_line(_entry(case)) for case in CASES)
    return f'{_line(head)[:-1]},"cases":[\n{lines}\n]}}\n'


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _entry(case: Case) -> dict[str, Any]:
    """What is as usual is left out."""
    return {
        "name": case.name,
        **({"domain": case.domain} if case.domain else {}),
        "operator": case.operator,
        "version": case.version,
        **({"attributes": {k: _attribute(v) for k, v in case.attributes.items()}} if case.attributes else {}),
        "inputs": [_input(each) for each in case.inputs],
        "sha256": hashes(case),
    }


def _input(given: Given) -> dict[str, Any] | None:
    if given is None:
        return None
    if not isinstance(given, Made):
        return _array(np.array(given, np.int64) if isinstance(given, tuple) else given)
    made: dict[str, Any] = {"dtype": given.dtype, "shape": given.shape, "kind": given.kind}
    if given.kind != "any":
        made |= {"low": given.low, "end": given.end}
    return made | ({"constant": True} if given.constant else {})


def _attribute(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _array(value)
    return [_number(each) for each in value] if isinstance(value, tuple) else _number(value)


def _array(value: Array) -> dict[str, Any]:
    """A constant, by its bytes."""
    little = value.astype(value.dtype.newbyteorder("<"))
    return {"dtype": value.dtype.name, "shape": value.shape, "bytes": little.tobytes().hex()}


def _number(value: Any) -> Any:
    """JSON has no others; a float that is none of these is written so that it reads as itself."""
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def changed(before: str, after: str) -> list[str]:
    """Cases that are in both and are not the same."""
    old, new = ({each["name"]: each for each in json.loads(text)["cases"]} for text in (before, after))
    return [name for name in old.keys() & new.keys() if old[name] != new[name]]


def main() -> None:
    built = build()
    different = sorted(changed(FILE.read_text("utf-8"), built)) if FILE.exists() else []
    if different and "--replace" not in sys.argv:
        sys.exit(f"nothing written, for {len(different)} would change: {', '.join(different[:20])}")
    FILE.write_text(built, "utf-8")
    print(f"{len(CASES)} cases, {len(built.encode()) // 1024} KiB, {len(different)} changed")


if __name__ == "__main__":
    main()
