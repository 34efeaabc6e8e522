"""`make bench-money`: predictions paid for in a second, on one PostgreSQL that flushes every commit.

A buyer's client sets an amount aside in one transaction, waits until it has been posted in another, and begins
again; what is to be posted meanwhile is posted together, as a dispatch worker does it. Clients and workers run in
PROCESSES processes beside the server, a buyer's in one of them, all on one machine. Targets stand where the
figures are reported, below.
"""

from __future__ import annotations

import argparse
import itertools
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import django
import psutil
import psycopg2

from benchmarks.figures import FOLDER, Report, quantile
from stack import services
from stack.ports import free_ports
from stack.testing import running
from stack.tree import Tree

if TYPE_CHECKING:
    from marketplace.accounts.access import Actor
    from marketplace.billing.settling import Ended

PROCESSES = 2  # with half of the buyers each, and a worker
BUYERS = 32
PRICE = 1_001  # micro-units for a row
GRANT = 10**14  # micro-units for each buyer: more than any of them spends
TARGET = 500  # a second
WARM_UP = 1.0  # seconds


@dataclass(frozen=True)
class Load:
    """So many buyers, with so many clients each."""

    buyers: int
    clients: int

    def __str__(self) -> str:
        if self.buyers == 1:
            return f"1 buyer, {self.clients} client{'s' * (self.clients > 1)}"
        return f"{self.buyers} buyers"


LOADS = (Load(1, 1), Load(8, 1), Load(32, 1), Load(1, 8))


class Worker:
    """Posts what was set aside: while one batch is being written the next one gathers."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[tuple[Ended, Future[None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def post(self, ended: Ended) -> None:
        """Returns once that is durable."""
        done: Future[None] = Future()
        self._waiting.put((ended, done))
        done.result()

    def stop(self) -> None:
        """Once no client waits any more."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        from django.db import connection

        while (first := self._waiting.get()) is not None:
            batch = [first]
            while not self._waiting.empty() and (more := self._waiting.get()) is not None:
                batch.append(more)
            _post(batch)
        connection.close()


def _post(batch: Sequence[tuple[Ended, Future[None]]]) -> None:
    from django.db import transaction

    from marketplace.billing import settling

    try:
        with transaction.atomic():
            settling.settle([ended for ended, _ in batch])
    except Exception as error:  # noqa: BLE001 - the clients' to raise
        for _, done in batch:
            done.set_exception(error)
    else:
        for _, done in batch:
            done.set_result(None)


def clients(buyers: Sequence[int], each: int, seconds: float) -> list[float]:
    """In a process of its own: the latencies, in seconds, of what `each` client of these buyers completed."""
    actors = [actor for actor in _actors(buyers) for _ in range(each)]
    worker, until = Worker(), time.perf_counter() + seconds
    try:
        with ThreadPoolExecutor(max(1, len(actors))) as threads:
            done = threads.map(lambda actor: _client(actor, worker, until), actors)
            return list(itertools.chain.from_iterable(done))
    finally:
        worker.stop()


def _client(actor: Actor, worker: Worker, until: float) -> list[float]:
    from django.db import connection, transaction

    from marketplace.billing import holding
    from marketplace.billing.pricing import Asked, Line
    from marketplace.billing.settling import Ended
    from verification.ends import CERTIFIED
    from verification.registry import MODES

    line = Line(_seller(), "asha", 1, None, "direct", "row", PRICE, 0)
    terms, asked, certificate = holding.standing([line]), Asked(MODES["direct"], 1, 30.0), _certificate()
    latencies = []
    while (begun := time.perf_counter()) < until:
        with transaction.atomic():
            hold = holding.hold(actor, terms, asked)
        assert hold is not None, "it costs something"
        worker.post(Ended(hold, CERTIFIED, certificate))
        latencies.append(time.perf_counter() - begun)
    connection.close()
    return latencies


def _certificate() -> Any:
    """A node's, of one row: whose, no ledger asks."""
    import numpy as np

    from assay import direct
    from assay.keys import PrivateKey
    from assay.model import ModelReference
    from assay.tensor import Tensor
    from benchmarks.costs import INTERFACE

    statement = direct.statement(
        bytes(16),
        target="model:asha/digits@1",
        model=ModelReference(digest=bytes(32), interface=INTERFACE),
        input_digest=bytes(32),
        outputs=(Tensor.of("label", np.zeros(1, np.int64)),),
        time_ms=0,
    )
    return direct.issue(PrivateKey(bytes(32)), [statement])[0]


# --- whom it is measured with -----------------------------------------------------------------------------


def _seller() -> int:
    from marketplace.accounts.models import Organisation

    return int(Organisation.objects.get(slug="seller").pk)


def _actors(buyers: Sequence[int]) -> list[Actor]:
    """Each through an API key of its own, as buyers come."""
    from marketplace.accounts.access import Actor
    from marketplace.accounts.models import ApiKey, Role

    keys = ApiKey.objects.select_related("created_by", "organisation").filter(
        name__in=[f"buyer-{i}" for i in buyers]
    )
    return [Actor(each.created_by, each.organisation, {each.organisation_id: Role.ADMIN}, each) for each in keys]


def _people() -> None:
    """The buyers with their credit, and who sells; those that are here already stay."""
    from marketplace.accounts import access, actions
    from marketplace.accounts.models import Organisation, User
    from marketplace.accounts.scopes import EVERY
    from marketplace.billing import credit

    staff = User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("staff@example.org")
    for name in ("seller", *(f"buyer-{i}" for i in range(BUYERS))):
        if Organisation.objects.filter(slug=name).exists():
            continue
        user: User = actions.register(f"{name}@example.org", "correct horse battery staple", name)
        actor = access.for_user(user)
        actions.create_key(actor, name, EVERY)
        credit.grant(staff, actor.organisation, GRANT, name, "to measure with")


@contextmanager
def _site() -> Iterator[str]:
    """A database in var/bench, migrated and peopled, for this process and those that it starts.

    Its address, as its owner.
    """
    tree = Tree(FOLDER / "money")
    port, broker = free_ports(2)
    stores, database, address = services.stores(tree, broker)
    place = services.Marketplace(tree, port, database, address)
    steps = [each for each in place.services() if each.name in ("migrations", "privileges")]
    os.environ.update(place.settings)
    os.environ["DJANGO_SETTINGS_MODULE"] = "marketplace.settings"
    with running([*stores, *steps], tree):
        django.setup()
        from django.db import connection

        _people()
        connection.close()
        yield database


# --- what is reported -------------------------------------------------------------------------------------


def measured(pool: ProcessPoolExecutor, load: Load, seconds: float) -> list[float]:
    """Latencies in seconds of what was completed, by all processes together."""
    shares = [range(i, load.buyers, PROCESSES) for i in range(min(PROCESSES, load.buyers))]
    done = [pool.submit(clients, share, load.clients, seconds) for share in shares]
    return [latency for each in done for latency in each.result()]


def _analyse(database: str) -> None:
    """Has PostgreSQL count what is in its tables now, as it does by itself every minute: it plans by that."""
    with closing(psycopg2.connect(database)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def report_on(report: Report, pool: ProcessPoolExecutor, repeats: int, seconds: float) -> None:
    for load in LOADS:
        measured(pool, load, WARM_UP)
        before = _processor()
        rounds = [measured(pool, load, seconds) for _ in range(repeats)]
        made = sum(map(len, rounds))
        least = TARGET if load.buyers > 1 or load.clients > 1 else None
        report.add(f"{load}: held and posted", [len(each) / seconds for each in rounds], "1/s", least=least)
        for share in (0.5, 0.95):
            samples = [quantile(each, share) * 1000 for each in rounds]
            report.add(f"{load}: p{share * 100:g}", samples, "ms")
        for name, after in _processor().items():
            report.add(f"{load}: {name}'s processor time", [1000 * (after - before[name]) / made], "ms")


def _processor() -> dict[str, float]:
    """Seconds of processor time so far: of the server, and of clients and workers."""
    spent = {"PostgreSQL": 0.0, "Python": 0.0}
    for process in psutil.Process().children(recursive=True):
        try:
            name = "PostgreSQL" if "postgres" in process.name() else "Python"
            if name == "Python" and "python" not in process.name():
                continue
            times = process.cpu_times()
            # a server's process for a connection may be gone: its parent has then waited for it
            spent[name] += times.user + times.system + times.children_user + times.children_system
        except psutil.Error:
            continue
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.money", description="Measure the ledger.")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each repeat")
    given = parser.parse_args()
    report = Report("money")
    with _site() as database:
        context = get_context("spawn")
        with ProcessPoolExecutor(PROCESSES, mp_context=context, initializer=django.setup) as pool:
            for load in LOADS:
                measured(pool, load, WARM_UP)
            _analyse(database)
            report_on(report, pool, given.repeats, given.seconds)
    report.finish()


if __name__ == "__main__":
    sys.exit(main())
