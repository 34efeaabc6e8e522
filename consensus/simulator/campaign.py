"""Many runs, on all cores; distinct ones are told by their traces."""

from __future__ import annotations

import gc
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from consensus.simulator.simulation import Account, run

CHUNK = 20  # runs that a process is given at a time


@dataclass(frozen=True)
class Kind:
    """A group of `n`, with real signatures or a keyed hash, of replicas that may be broken in some way; in a
    scenario that is drawn, or one of the generated ones with twins.
    """

    n: int
    real: bool = False
    broken: str = ""
    twins: bool = False


@dataclass
class Tally:
    """Of a campaign."""

    runs: int = 0
    events: int = 0
    traces: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[Account] = field(default_factory=list)

    def add(self, account: Account) -> None:
        self.runs += 1
        self.events += account.events
        self.traces.add(account.trace)
        self.outcomes += account.outcomes
        if account.broken:
            self.failures.append(account)


def campaign(kind: Kind, seeds: Iterable[int], processes: int, most_failures: int = 1) -> Tally:
    """Runs the seeds until so many have failed."""
    tally = Tally()
    with _runner(processes) as every:
        for account in every(partial(one, kind), seeds):
            tally.add(account)
            if len(tally.failures) >= most_failures:
                break
    return tally


def one(kind: Kind, seed: int) -> Account:
    return run(seed, kind.n, real=kind.real, broken=kind.broken, twins=kind.twins)


def _collect_rarely() -> None:
    """A run leaves little behind that refers to itself: to look for it seldom is enough."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


Runner = Callable[[Callable[[int], Account], Iterable[int]], Iterator[Account]]


@contextmanager
def _runner(processes: int) -> Iterator[Runner]:
    """In the order of the seeds, whoever is quicker."""
    if processes == 1:
        yield map
        return
    with multiprocessing.get_context("spawn").Pool(processes, _collect_rarely) as pool:
        yield partial(pool.imap, chunksize=CHUNK)
