"""The network: every message takes its time, and while there is trouble some are lost, late, or come twice.

Endpoints are members by their place and clients by their key. Whoever is down hears nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial

from consensus.messages import Spoken
from consensus.simulator.scenario import TWIN, Link
from consensus.simulator.world import World

End = int | bytes
HEALED = Link(delay=(1, 5), late=0.0, loss=0.0, twice=0.0)


class Network:
    def __init__(self, world: World, link: Link) -> None:
        self._world = world
        self._link = link
        self._ends: dict[End, Callable[[End, Spoken, str], None]] = {}
        self._cut: set[tuple[End, End]] = set()
        self._part: dict[int, int] = {}  # of members, while the group is split

    def join(self, end: End, hear: Callable[[End, Spoken, str], None]) -> None:
        """`hear(sender, message, mark)`; the mark names the message in the account."""
        self._ends[end] = hear

    def send(self, sender: End, to: End, message: Spoken, mark: str) -> None:
        """To whoever has that name: to both of twins."""
        self._send(sender, to, message, mark)
        if isinstance(to, int) and to + TWIN in self._ends:
            self._send(sender, to + TWIN, message, mark)

    def _send(self, sender: End, to: End, message: Spoken, mark: str) -> None:
        world, link = self._world, self._link
        if not self.reaches(sender, to) or world.likely(link.loss):
            world.say(f"{mark} from {name(sender)} to {name(to)} is lost")
            return
        known = sender % TWIN if isinstance(sender, int) else sender
        for _ in range(2 if world.likely(link.twice) else 1):
            delay = world.between(link.delay) * (10 if world.likely(link.late) else 1)
            world.after(delay, partial(self._ends[to], known, message, mark))

    def cut(self, a: End, b: End, *, one_way: bool = False) -> None:
        self._cut |= {(a, b)} if one_way else {(a, b), (b, a)}

    def mend(self, a: End, b: End) -> None:
        self._cut -= {(a, b), (b, a)}

    def split(self, parts: Iterable[Iterable[int]]) -> None:
        """Only members of one part reach each other; clients reach everybody."""
        self._part = {end: i for i, part in enumerate(parts) for end in part}

    def reaches(self, sender: End, to: End) -> bool:
        if (sender, to) in self._cut:
            return False
        if isinstance(sender, int) and isinstance(to, int):
            return self._part.get(sender, 0) == self._part.get(to, 0)
        return True

    def heal(self) -> None:
        """From now on all is well."""
        self._link = HEALED
        self._cut.clear()
        self._part.clear()


@cache
def name(end: End) -> str:
    if isinstance(end, int):
        return f"member {end}" if end < TWIN else f"the twin of member {end - TWIN}"
    return f"client {end[:2].hex()}"
