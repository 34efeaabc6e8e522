"""Holds our signature check against public vectors, Wycheproof's and speccheck's, where they are at hand.

    python tests/conformance/ed25519.py DATA=folder

`ed25519-wycheproof.json` must be judged exactly as it says. `ed25519-speccheck.json` holds the cases in which
implementations differ; how strict we are is the table below.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay.keys import accepts

# the cases of "Taming the many EdDSAs", table 5; of them we accept one, where even the strictest equation holds
SPECCHECK = (
    ("A and R of small order, S = 0", False),
    ("A of small order", False),
    ("R of small order", False),
    ("A and R of mixed order, the equation without cofactor holds", True),
    ("A and R of mixed order, the equation holds with cofactor only", False),
    ("A of mixed order, the equation holds with cofactor only, h not reduced", False),
    ("S larger than the group's order", False),
    ("S much larger than the group's order", False),
    ("R not canonical, and reduced before hashing", False),
    ("R not canonical, and hashed as it came", False),
    ("A not canonical, and reduced before hashing", False),
    ("A not canonical, and hashed as it came", False),
)


def wycheproof(document: Any) -> Iterator[tuple[str, bool, bool]]:
    """(case, expected, got) for each test."""
    for group in document["testGroups"]:
        key = bytes.fromhex(group["publicKey"]["pk"])
        for test in group["tests"]:
            got = accepts(key, bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]))
            yield f"wycheproof {test['tcId']} {test['comment']}", test["result"] == "valid", got


def speccheck(document: Any) -> Iterator[tuple[str, bool, bool]]:
    """(case, expected, got) for each of the twelve."""
    for (name, expected), case in zip(SPECCHECK, document, strict=True):
        key, message, signature = (bytes.fromhex(case[field]) for field in ("pub_key", "message", "signature"))
        yield f"speccheck: {name}", expected, accepts(key, message, signature)


def main(arguments: list[str]) -> int:
    """0 when every case is judged as expected; 1 otherwise; 2 for wrong arguments or missing files."""
    folder = Path(next((each.removeprefix("DATA=") for each in arguments if each.startswith("DATA=")), ""))
    files = {"ed25519-wycheproof.json": wycheproof, "ed25519-speccheck.json": speccheck}
    missing = [name for name in files if not (folder / name).is_file()]
    if missing:
        print(f"conformance: {' and '.join(missing)} missing; pass DATA=folder that holds them", file=sys.stderr)
        return 2
    results = [
        result for name, judge in files.items() for result in judge(json.loads((folder / name).read_text("utf-8")))
    ]
    wrong = [result for result in results if result[1] != result[2]]
    for name, expected, got in wrong:
        print(f"{name}: expected {'valid' if expected else 'invalid'}, got {'valid' if got else 'invalid'}")
    print(f"Ed25519: {len(results) - len(wrong)} of {len(results)} vectors judged as expected")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
