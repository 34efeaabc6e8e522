"""`make simulate`: runs groups from seeds, then replicas that are broken on purpose.

    python -m consensus.simulator 20000                 seeds from 0 on, N = 4, 7 and 10 by turns
    python -m consensus.simulator 1 --n 4 --seed 17 --trace     one of them again, told event by event

Ends with status 1 where something does not hold that must, or a broken replica is not caught.
"""

# ruff: noqa: T201 - it is a command

from __future__ import annotations

import argparse
import os
import sys
import time

from consensus.simulator.broken import VARIANTS
from consensus.simulator.campaign import Kind, Tally, campaign
from consensus.simulator.simulation import Account, run

SHARES = {4: 0.8, 7: 0.14, 10: 0.06}  # of the runs, by N: the larger ones are slower
TWINS = 5  # one run in so many is a generated one with twins
REAL = 100  # one run in so many is repeated with Ed25519
BUDGET = 5000  # runs in which a broken variant must be caught


def main() -> None:
    given = _arguments()
    if given.trace:
        kind = Kind(given.n or 4, given.real, given.broken, given.twins)
        account = run(given.seed, kind.n, real=kind.real, twins=kind.twins, broken=kind.broken, tell=print)
        _require(not account.broken, f"{account.broken}: {account.detail}")
        return
    if given.broken:
        _require(_caught(given.broken, given.processes), "not caught")
        return
    for n, runs in [(given.n, given.runs)] if given.n else _shared(given.runs):
        twins = runs if given.twins else runs // TWINS
        _holds(Kind(n, given.real), given.seed, runs - twins, given.processes)
        _holds(Kind(n, given.real, twins=True), given.seed, twins, given.processes)
    if not given.real and given.runs >= REAL:
        _holds(Kind(given.n or 4, real=True), given.seed, given.runs // REAL, given.processes)
    if given.variants:
        missed = [name for name in VARIANTS if not _caught(name, given.processes)]
        _require(not missed, f"not caught: {', '.join(missed)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m consensus.simulator", description=__doc__)
    parser.add_argument("runs", type=int)
    parser.add_argument("--seed", type=int, default=0, help="of the first run")
    parser.add_argument("--n", type=int, choices=SHARES, help="members; else all sizes by turns")
    parser.add_argument("--real", action="store_true", help="with Ed25519 in place of a keyed hash")
    parser.add_argument("--twins", action="store_true", help="only the generated scenarios with twins")
    parser.add_argument("--broken", choices=VARIANTS, default="", help="only this broken variant")
    parser.add_argument("--variants", action="store_true", help="then all broken variants")
    parser.add_argument("--trace", action="store_true", help="tell one run event by event")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    if given.runs < 1:
        parser.error("argument runs: expected 1 at least")
    return given


def _shared(runs: int) -> list[tuple[int, int]]:
    return [(n, max(1, round(runs * share))) for n, share in SHARES.items()]


def _holds(kind: Kind, seed: int, runs: int, processes: int) -> None:
    """Ends the program with all that is needed to see it again where something does not hold."""
    if not runs:
        return
    began = time.monotonic()
    tally = campaign(kind, range(seed, seed + runs), processes)
    _print(kind, tally, time.monotonic() - began)
    if tally.failures:
        _tell(kind, tally.failures[0])
        sys.exit(1)


def _print(kind: Kind, tally: Tally, seconds: float) -> None:
    outcomes = ", ".join(f"{count} {what}" for what, count in sorted(tally.outcomes.items()))
    what = f"N = {kind.n}{' Ed25519' if kind.real else ''}{' twins' if kind.twins else ''}"
    print(
        f"{what}: {tally.runs} runs ({len(tally.traces)} distinct), "
        f"{tally.events} events, {outcomes}; {tally.runs / seconds:.0f} runs/s",
        flush=True,
    )


def _tell(kind: Kind, account: Account) -> None:
    print("\n".join(account.last))
    print(f"DOES NOT HOLD: {account.broken}: {account.detail}")
    print(f"seed {account.seed}; again: {again(kind, account.seed)}")


def again(kind: Kind, seed: int) -> str:
    """The command that repeats a run."""
    options = f"{' --real' if kind.real else ''}{' --twins' if kind.twins else ''}"
    options += f" --broken {kind.broken}" if kind.broken else ""
    return f"python -m consensus.simulator 1 --n {kind.n} --seed {seed} --trace{options}"


def _caught(name: str, processes: int) -> bool:
    kind = Kind(4, broken=name)
    tally = campaign(kind, range(BUDGET), processes)
    if tally.failures:
        first = tally.failures[0]
        print(f"{name}: caught in run {tally.runs} ({first.broken}); again: {again(kind, first.seed)}", flush=True)
    else:
        print(f"{name}: NOT CAUGHT in {tally.runs} runs", flush=True)
    return bool(tally.failures)


def _require(holds: bool, problem: str) -> None:
    if not holds:
        sys.exit(problem)


if __name__ == "__main__":
    main()
