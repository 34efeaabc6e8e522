"""Hands hostile models to whatever takes models in and runs them: `make fuzz-operators` (SEED=…, ONLY=…).

In a process with bounded memory. A model that takes too long is a finding like one that raises; each is printed
with its seed, which makes the same model again. Where the process itself ends, Python says in which call.
"""

from __future__ import annotations

import argparse
import faulthandler
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

MEMORY = 3 << 30  # bytes of addresses that a worker may take beyond what it begins with
SLOW = 20  # seconds for a model


class Slow(BaseException):
    """It takes too long."""


def _too_slow(*_: object) -> None:
    raise Slow


def work(first: int, seconds: float, only: str, *, measure: bool) -> bool:
    """Models from the seed `first` on, one line for each kind of finding and one with all figures; whether there
    were none.
    """
    from native import loader
    from native.loader import load
    from tests.fuzz.models import seeds

    faulthandler.enable()
    signal.signal(signal.SIGALRM, _too_slow)
    kernels = [load(isa) for isa in loader.supported()]
    key = next((each for each in seeds() if each[1] == only), None)
    _bound_memory()
    seen: Counter[str] = Counter()
    bound: Counter[str] = Counter()
    found: set[str] = set()
    slowest = (0.0, 0)
    end, seed = time.monotonic() + seconds, first
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            signal.alarm(SLOW)
            done = _one(seed, key, kernels, measure=measure)
            signal.alarm(0)
        except (Exception, Slow) as error:  # noqa: BLE001 - whatever it is, it is a finding
            signal.alarm(0)
            seen["found"] += 1
            where = traceback.extract_tb(error.__traceback__)
            ours = [each for each in where if "/assay/" in each.filename or "/native/" in each.filename] or where
            place = f"{type(error).__name__} at {Path(ours[-1].filename).name}:{ours[-1].lineno}"
            if place not in found:
                found.add(place)
                print(f"FOUND seed {seed}: {place}: {str(error)[:300]}", flush=True)
                traceback.print_exc()
        else:
            seen["refused" if done.refused else "ran"] += 1
            seen["nodes"] += done.nodes
            seen["compared"] += done.compared
            bound.update(done.bound)
        slowest = max(slowest, (time.monotonic() - began, seed))
        seen["models"] += 1
        seed += 1
    figures = ", ".join(f"{count:,} {what}" for what, count in sorted(seen.items()))
    print(f"seeds {first} to {seed - 1}: {figures}; {len(bound)} operators and groups by kernels", flush=True)
    print(f"the slowest took {slowest[0]:.1f} s: seed {slowest[1]}", flush=True)
    return not found


def _one(seed, key, kernels, *, measure):
    from tests.fuzz.executing import execute
    from tests.fuzz.models import hostile

    chosen = kernels if seed % 8 == 0 else [kernels[seed % len(kernels)]]
    return execute(hostile(seed, key), chosen, (1 + seed % 8,), measure=measure)


def _bound_memory() -> None:
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz-operators")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--measure", action="store_true", help="memory too")
    given = parser.parse_args()
    return int(not work(given.seed, given.seconds, given.only, measure=given.measure))


if __name__ == "__main__":
    sys.exit(main())
