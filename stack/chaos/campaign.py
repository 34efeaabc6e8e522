"""A campaign: a site under load, one fault after the other, and the account that it gives of itself.

A fault has healed when the service is ready again and every model and every group has answered a question that
was asked since; only then comes the next one. Faults and questions follow from the seed; when in the life of a
request a fault strikes does not, and is what running it again is for.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from stack.chaos import money
from stack.chaos.account import Account, Outage, ledger, left_over, settle
from stack.chaos.chance import chance
from stack.chaos.faults import Fault, Kind, Victim, until
from stack.chaos.ledgers import Ledgers
from stack.chaos.load import Load
from stack.chaos.questions import questions
from stack.chaos.records import Records, Witness
from stack.everything import Site
from stack.manager import Manager

STORE = "postgres"
ASKING = frozenset({"buyer", "teammate"})  # the roles of those of the demo's people who have credit to ask with
CLIENTS = 5  # with the key of each
SETTLING = 60.0  # seconds that what is left in the outbox may take
WRITTEN = 10.0  # seconds that members may take to write down what they decided last
IDLE = 1.0  # seconds, at most, between two faults


@dataclass
class Campaign:
    """Against a `site` that is up, under its `manager`. `tell` is given a line for each fault."""

    site: Site
    manager: Manager
    seed: int
    tell: Callable[[str], None] = print
    recoveries: list[tuple[Fault, float]] = field(default_factory=list)  # seconds until all answered
    outages: list[Outage] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._witness, self._begun = Witness(self.site), _now()

    def run(self, faults: Iterable[Fault]) -> None:
        """Commits `faults` one by one. Raises TimeoutError where one does not heal."""
        with Load(self.site.market.url, self._keys(), questions(self.site), self.seed) as load:
            load.all_answer()
            rng = chance(self.seed, "pauses")
            for fault in faults:
                self._witness.look()
                self._commit(fault, load)
                time.sleep(rng.uniform(0, IDLE))
        self._load = load

    def account(self) -> Account:
        """What became of all that was asked; once nobody asks for anything any more."""
        records = Records(self.site)
        with suppress(TimeoutError):  # `left_over` tells what is still there
            until(lambda: not records.errands(), "the outbox is empty", SETTLING)
        self._witness.look()
        stored = records.of_load(self._load.name)
        groups = [each.key for each in self._load.asked if each.question.kind == "group"]
        answered = {stored[key].id.bytes for key in groups if key in stored and stored[key].document}
        account = settle(self._load.asked, stored, self._witness, self._ledgers(answered), self.outages)
        findings = [*account.findings, *left_over(records, self._begun), *money.proven(self.site)]
        return Account({**account.counts, **ledger(records, list(stored.values()))}, findings)

    def _ledgers(self, answered: set[bytes]) -> Ledgers:
        """The members' logs, once these requests are in them: what is decided last is written a moment later."""

        def look() -> Ledgers | None:
            found = Ledgers.read(self.site)
            return found if answered <= {request for _, request in found.decided} else None

        try:
            return until(look, "the members have written down what they decided", WRITTEN)
        except TimeoutError:
            return Ledgers.read(self.site)  # the account tells what is missing

    def _commit(self, fault: Fault, load: Load) -> None:
        victim, begun, started = Victim(self.manager, fault.service), _now(), time.monotonic()
        if fault.kind is Kind.KILLED:
            victim.kill()
        else:
            with victim.frozen():
                time.sleep(fault.seconds)
            victim.ready()
        ready = time.monotonic() - started
        if fault.service == STORE:
            self.outages.append(Outage(begun, _now()))
        load.all_answer()
        answering = time.monotonic() - started
        self.recoveries.append((fault, answering))
        self.tell(f"{fault}; ready after {ready:.1f} s, all answer after {answering:.1f} s")

    def _keys(self) -> list[str]:
        users = json.loads(self.site.users.read_bytes())
        return CLIENTS * [user["api_key"] for user in users if user["role"] in ASKING]


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
