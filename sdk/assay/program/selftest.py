"""Does this machine compute what the specification says? Asked before it commits to anything.

Some machines do not: a library loaded beside ours may have told the processor to flush subnormal numbers to zero
or to round otherwise, a NumPy may promote types by its old rules, a kernel may be another version's. So numbers
are tried first, then every operator on inputs of every kind, whose outputs have known hashes (`selftest.json`,
which is docs/vectors/operators.json). Takes a second or two.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files

import numpy as np

import assay.operators.everything  # noqa: F401 - declares them
from assay.errors import Unavailable
from assay.operators import VERSION
from assay.operators.arithmetic import Array, quiet
from assay.operators.registry import find
from assay.program.cases import CASES
from assay.program.cases.making import Case
from assay.program.graph import Input, Node, Program
from assay.program.planning import Implementation
from assay.program.running import Reference, Runner

FILE = files("assay.program") / "selftest.json"
FLUSHES = (
    "this machine flushes subnormal numbers to zero",
    "a library compiled with -ffast-math, or one that sets FTZ or DAZ, did that to this process; keep it out",
)
ROUNDS = (
    "this machine does not round to the nearest, ties to even",
    "a library changed the rounding mode of this process; keep it out",
)
PROMOTES = ("this NumPy promotes types by its old rules", "install numpy 2 or newer")


class WrongMachine(Unavailable):
    """This machine's results are not the specification's; it must serve no reproducible program."""

    default_code = "not-reproducible-here"


def require(implementation: Callable[[], Implementation] = Reference) -> None:
    """Returns if all is well. Raises WrongMachine, saying what is wrong and what to look for."""
    _require_numbers()
    expected = known()
    for case in CASES:
        right, got = expected.get(case.name, []), hashes(case, implementation())
        if got != right:
            raise WrongMachine(
                "an operator gives other bits than the specification",
                pointer=f"/{case.name}",
                expected=f"{' '.join(right) or 'nothing'} of version {VERSION}",
                got=" ".join(got),
                hint="update Assay; if that does not help, this machine must not serve reproducible models",
            )


@cache
def known() -> Mapping[str, list[str]]:
    """By case, of each output. Raises WrongMachine if they are damaged, or of another version."""
    try:
        document = json.loads(FILE.read_bytes())
        if document["version"] != VERSION:
            raise WrongMachine(
                "the known hashes are of another version of the specification",
                expected=str(VERSION),
                got=str(document["version"])[:100],
                hint="install Assay anew",
            )
        return {case["name"]: case["sha256"] for case in document["cases"]}
    except (OSError, ValueError, LookupError, TypeError) as error:
        got = f"{type(error).__name__}: {error}"[:200]
        raise WrongMachine("the known hashes cannot be read", got=got, hint="install Assay anew") from None


def hashes(case: Case, implementation: Implementation | None = None) -> list[str]:
    """Of each output."""
    return [sha256(value) for value in outputs(case, implementation)]


def outputs(case: Case, implementation: Implementation | None = None) -> list[Array]:
    runner, arrays = _prepared(case, implementation)
    return list(runner.run(arrays).values())


def sha256(value: Array) -> str:
    """Of its elements, row-major and little-endian; in hexadecimal."""
    return hashlib.sha256(value.astype(value.dtype.newbyteorder("<"), copy=False).tobytes()).hexdigest()


def _prepared(case: Case, implementation: Implementation | None) -> tuple[Runner, dict[str, Array]]:
    """A program of the one operator, and its inputs."""
    values = case.values()
    names = tuple(f"in{i}" if value is not None else "" for i, value in enumerate(values))
    constants = {names[i]: value for i, value in enumerate(values) if i in case.constant and value is not None}
    arrays = {
        name: value
        for name, value in zip(names, values, strict=True)
        if value is not None and name not in constants
    }
    made = tuple(f"out{i}" for i in range(case.outputs))
    node = Node(0, case.name, find(case.domain, case.operator, case.version), names, made, case.attributes)
    inputs = tuple(Input(name, value.dtype, value.shape) for name, value in arrays.items())
    return Runner(Program(inputs, made, constants, (node,)), implementation), arrays


@quiet
def _require_numbers() -> None:
    """What goes wrong in practice, told in words before any hash could tell it."""
    for passed, detail, hint in _numbers():
        if not passed:
            raise WrongMachine(detail, hint=hint)


def _numbers() -> Iterator[tuple[bool, str, str]]:
    """Told by bits: where subnormal numbers are taken for zeros, a comparison takes them for zeros too."""
    half_least, twice_smallest = _of(0x00800000) * _of(0x3F000000), _of(0x00000001) + _of(0x00000001)
    yield _is(half_least, 0x00400000) and _is(twice_smallest, 0x00000002), *FLUSHES
    sums = ((0x33800000, 0x3F800000), (0x33C00000, 0x3F800001), (0xB3000000, 0x3F800000), (0x34400000, 0x3F800002))
    yield all(_is(_of(0x3F800000) + _of(each), total) for each, total in sums), *ROUNDS
    yield (np.zeros((), np.float32) * 0.1).dtype == np.float32, *PROMOTES


def _of(bits: int) -> Array:
    """More of them than the widest vector holds, because single numbers may go another way."""
    return np.full(67, bits, np.uint32).view(np.float32)


def _is(value: Array, bits: int) -> bool:
    return bool((value.view(np.uint32) == bits).all())
