"""Builds the kernels with gcc alone: `python -m native.build`, which does nothing if nothing has changed.

Needs only the standard library, since packaging runs it before anything else is installed (hatch_build.py).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCES = Path(__file__).parent / "src"
BUILT = Path(__file__).parent / "lib"
ONCE = ("machine.c", "pool.c")  # what depends on no instruction set
SETS: dict[
    str, dict[str, tuple[str, ...]]
] = {  # by processor: instruction sets, best first, with what gcc is to be told
    "x86_64": {
        "avx512": ("-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mavx2", "-mfma"),
        "avx2": ("-mavx2", "-mfma"),
        "portable": (),
    },
    "aarch64": {"neon": (), "portable": ()},
}
FLAGS = (
    *("-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-O3", "-fPIC", "-fvisibility=hidden", "-pthread"),
    # one operation, one rounding; what follows changes no value, and lets a root be one instruction
    *("-ffp-contract=off", "-fno-fast-math", "-fno-math-errno", "-fno-trapping-math"),
    # what should be vectors is written as vectors; gcc 12 got the portable `vfma` wrong when it made its own
    *("-fno-tree-vectorize", "-fno-tree-slp-vectorize"),
    "-fno-schedule-insns",  # before registers are allotted: it would make sums spill, on AArch64
)
LINK = ("-shared", "-pthread", "-Wl,-z,now", "-Wl,-z,relro")


class Failed(Exception):
    """It could not be built; says why, and what to install."""


def path_of(machine: str) -> Path:
    return BUILT / f"kernels-{machine}.so"


def instruction_sets(machine: str) -> dict[str, tuple[str, ...]]:
    return SETS.get(machine, {"portable": ()})


def sources() -> str:
    """A digest of what the library is made from, but for the compiler."""
    digest = hashlib.sha256(repr((FLAGS, LINK, SETS, ONCE)).encode())
    for path in sorted(SOURCES.rglob("*.[ch]")):
        digest.update(f"\0{path.relative_to(SOURCES)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def build(compiler: str = "gcc") -> Path:
    """The library, built if it is not there or was made from something else. Raises Failed."""
    machine = _output([compiler, "-dumpmachine"]).split("-")[0]
    version = hashlib.sha256(_output([compiler, "--version"]).encode()).hexdigest()
    made_from = f"{sources()} {version}"
    path = path_of(machine)
    if not path.exists() or made_from.encode() not in path.read_bytes():
        BUILT.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILT) as folder:
            steps = list(_steps(compiler, machine, made_from, Path(folder)))
            with ThreadPoolExecutor(os.cpu_count()) as compilers:
                list(compilers.map(_output, steps))
            made = Path(folder) / path.name
            _output([compiler, *(step[-1] for step in steps), *LINK, "-o", str(made)])
            made.replace(path)  # whoever has the old one open keeps it
    return path


def _steps(compiler: str, machine: str, made_from: str, folder: Path) -> Iterator[list[str]]:
    """The commands that make the objects; each ends with the object."""
    for path in sorted(SOURCES.glob("*.c")):
        sets: dict[str, tuple[str, ...]] = {"": ()} if path.name in ONCE else instruction_sets(machine)
        for name, flags in sets.items():
            vectors = [f"-DISA={name}", f'-DSIMD="simd/{name}.h"'] if name else [f'-DMADE_FROM="{made_from}"']
            made = folder / f"{path.stem}-{name}.o"
            yield [compiler, *FLAGS, *flags, *vectors, "-c", str(path), "-o", str(made)]


def _output(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, errors="replace")  # noqa: S603
    except FileNotFoundError:
        raise Failed(f"{command[0]} is missing: apt-get install gcc libc6-dev") from None
    except subprocess.CalledProcessError as error:
        hint = "apt-get install libc6-dev" if "No such file or directory" in error.stderr else ""
        raise Failed(f"this failed: {' '.join(command)}\n{error.stderr}{hint}") from None
    sys.stderr.write(done.stderr)  # warnings
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m native.build", description=__doc__)
    parser.add_argument("--compiler", default="gcc", help="such as aarch64-linux-gnu-gcc (default: %(default)s)")
    try:
        build(parser.parse_args().compiler)
    except (Failed, OSError) as error:
        sys.exit(f"the kernels were not built: {error}")


if __name__ == "__main__":
    main()
