"""What must hold, checked at every event; `signing`, `log` and `proof` say what exactly.

Liars are watched for what they say only: batches and reports are taken from wherever they come.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from assay.agreement.entry import Asked
from assay.agreement.group import Epoch
from assay.model import ModelReference
from consensus.durable import Durable, Executed, Jumped
from consensus.events import Contradiction, Received
from consensus.messages import Requests, Result, Spoken
from consensus.simulator.blaming import Blaming
from consensus.simulator.founding import Founded
from consensus.simulator.log import Log
from consensus.simulator.signing import Signing
from consensus.simulator.views import Views
from consensus.simulator.world import Broken

if TYPE_CHECKING:
    from consensus.simulator.member import Clock


class Watch:
    """Told of everything before it happens."""

    def __init__(
        self, founded: Founded, honest: frozenset[int], latest: Callable[[], int], *, steady: bool
    ) -> None:
        """`latest`: the most that an honest member's clock shows now."""
        configuration = founded.configuration
        self.honest = honest
        self.signing = Signing(honest, configuration.quorum, configuration.n)
        self.log = Log(founded, honest, self.signing)
        self.blaming = Blaming(founded, honest)
        self._founded = founded
        self._steady = steady
        self._views = [self._views_of(founded.epochs[0])]  # by epoch
        self._epoch = dict.fromkeys(honest, 0)
        self._left: tuple[int, Spoken] | None = None
        self._heard: set[tuple[int, int, bytes]] = set()  # who, in which life, has had a request in time
        self._horizon = configuration.horizon
        self._latest = latest

    # --- epochs -------------------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """The latest in which an honest member takes part."""
        return len(self._views) - 1

    @property
    def views(self) -> Views:
        """Of that one."""
        return self._views[-1]

    def enters(self, place: int, epoch: Epoch) -> None:
        """It has done with the epoch before."""
        if place not in self.honest:
            return
        number, epochs = epoch.configuration.epoch, self._founded.epochs
        if number != self._epoch[place] + 1:
            raise Broken("one epoch after the other", f"member {place} goes from {self._epoch[place]} to {number}")
        if len({each.member for each in epoch.approvals}) < self.signing.quorum:
            raise Broken("a quorum says where an epoch has ended", f"member {place} enters {epoch}")
        self.log.ends(epoch)
        if number == len(epochs):
            epochs.append(epoch)
            self._views.append(self._views_of(epoch))
        if epochs[number].configuration != epoch.configuration:
            raise Broken("one epoch after the other", f"member {place} enters {epoch.configuration}")
        self._epoch[place] = number
        self.signing.enters(place, number)

    def _views_of(self, epoch: Epoch) -> Views:
        records, executed = self.log.records, self.signing.executed
        return Views(self._founded, epoch, self.honest, records, executed, steady=self._steady)

    # --- what members do ----------------------------------------------------------------------------------

    def asks(self, asked: Asked) -> None:
        self.log.asked(asked)

    def wished(self, place: int, model: ModelReference) -> None:
        self.log.wished(place, model)

    def ran(self, place: int, results: list[Result]) -> None:
        if place in self.honest:
            self.signing.ran(place, results)

    def takes_in(self, place: int, life: int, clock: Clock, event: Received) -> None:
        if place not in self.honest:
            return
        self.signing.reached(place, event.message)
        if isinstance(event.message, Requests) and isinstance(event.sender, bytes):
            for each in event.message.batch.asked:
                if clock.highest <= each.deadline <= clock.read() + self._horizon:
                    self._heard.add((place, life, each.digest))

    def holds(self, place: int, life: int, request: bytes) -> bool:
        """Whether an honest member has taken a request in from its client, and has not died since."""
        return (place, life, request) in self._heard

    def writes(self, place: int, what: list[Durable]) -> None:
        if place not in self.honest:
            return
        for each in what:
            if isinstance(each, Executed):
                self.log.executes(place, each, self._latest())
            elif isinstance(each, Jumped):
                self.log.jumps(place, each)
            self.signing.writes(place, [each])
            self._views[self._epoch[place]].writes(place, each)

    def catches(self, place: int, caught: Contradiction) -> None:
        """Liars may be made to look like anything, honest members never."""
        if place in self.honest and caught.member in self.honest:
            raise Broken("nobody honest is caught", f"member {place}: {caught}")

    def is_about_to_write(self, place: int, what: list[Durable]) -> None:
        """What a quorum has signed may be told before it is on a disk; a member's own words may not."""
        if place in self.honest:
            self.signing.executes([each.standing for each in what if isinstance(each, Executed)], place)

    def leaves(self, place: int, message: Spoken) -> None:
        if self._left is not None and self._left[0] == place and self._left[1] is message:
            return  # the same to another
        self._left = (place, message)
        self.log.leaves(place, message)
        self.blaming.leaves(message)
        if place in self.honest:
            self.signing.leaves(place, message)
