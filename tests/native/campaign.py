"""`make compare-operators`: kernels against the plain operators, bit by bit, on ever new inputs of every kind.

    python -m tests.native.campaign [--rounds N] [--seed S]

A round has each case of the self-test once, its inputs made anew, on every instruction set of this machine with 1
to 8 threads. Ends with status 1 where a bit differs.
"""

from __future__ import annotations

import argparse
import dataclasses
import secrets
import sys
from collections import Counter

import numpy as np

from assay.operators.arithmetic import Array
from assay.program.cases import CASES, Case
from assay.program.running import Reference
from assay.program.selftest import outputs
from native import loader
from native.implementation import Native


def main() -> None:
    parser = argparse.ArgumentParser(prog="make compare-operators", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    given = parser.parse_args()
    compared, different = Counter[str](), Counter[str]()
    for i in range(given.rounds):
        for case in CASES:
            anew = dataclasses.replace(case, name=f"{case.name}, seed {given.seed}, round {i}")
            compare(anew, compared, different)
    print(f"seed {given.seed}: {given.rounds} rounds of {len(CASES)} cases, on {', '.join(loader.supported())}")
    print(f"{compared.total():,} elements compared, {different.total():,} differ")
    for name, count in different.most_common():
        print(f"  {name}: {count:,} of {compared[name]:,}")
    sys.exit(1 if different else 0)


def compare(case: Case, compared: Counter[str], different: Counter[str]) -> None:
    wanted = outputs(case, Reference())
    for isa in loader.supported():
        for threads in range(1, 9):
            for one, other in zip(outputs(case, Native(loader.load(isa), threads)), wanted, strict=True):
                compared[case.operator] += one.size
                count = int((_bytes(one) != _bytes(other)).any(axis=1).sum())
                if count:
                    different[case.operator] += count
                    print(f"{case.name}: {count} differ on {isa} with {threads} threads", file=sys.stderr)


def _bytes(value: Array) -> Array:
    return np.ascontiguousarray(value).reshape(value.size, 1).view(np.uint8)


if __name__ == "__main__":
    main()
