"""Lets things fail as the scenario says, and mends all of it when the trouble ends."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from consensus.events import Linked, Lost
from consensus.simulator.member import Member
from consensus.simulator.network import Network
from consensus.simulator.scenario import Crash, Flap, Scenario
from consensus.simulator.world import World

NOTICED = (0, 100)  # ms until others see that a member cannot, or can, be reached


class Faults:
    """Members learn of links that break as they do from a transport: late, and each for itself."""

    def __init__(self, scenario: Scenario, world: World, network: Network, members: Sequence[Member]) -> None:
        self._scenario = scenario
        self._world = world
        self._network = network
        self._members = members
        self._down: dict[int, int] = {}  # how long a member that is doomed or dead stays down
        self.over = False

    def begin(self) -> None:
        for member in self._members:
            member.died = self._died
            self._world.after(self._world.between((0, 50)), partial(self._start, member))
        for crash in self._scenario.crashes:
            self._world.after(crash.at, partial(self._doom, crash))
        for flap in self._scenario.flaps:
            self._world.after(flap.at, partial(self._cut, flap))
        self._world.after(self._scenario.trouble, self._mend)

    # --- members ------------------------------------------------------------------------------------------

    def _doom(self, crash: Crash) -> None:
        """Only as many may be down as the scenario allows; liars count unless it is harsh."""
        failing = self._down.keys() if self._scenario.harsh else self._down.keys() | self._scenario.liars
        most = self._scenario.n if self._scenario.harsh else self._scenario.f
        member = self._members[crash.place]
        if not self.over and member.machine and crash.place not in failing and len(failing) < most:
            self._down[crash.place] = crash.down
            member.doom(crash.after, writes=crash.writes)

    def _died(self, member: Member) -> None:
        for other in self._members:
            self._tell(other, Lost(member.place))
        self._world.after(1 if self.over else self._down[member.place], partial(self._start, member))

    def _start(self, member: Member) -> None:
        if member.machine:
            return
        self._down.pop(member.place, None)
        member.start()
        for other in self._members:
            if other is not member and other.machine and self._network.reaches(member.place, other.place):
                self._tell(other, Linked(member.place))
                self._tell(member, Linked(other.place))

    def _tell(self, member: Member, event: Linked | Lost) -> None:
        if event.member != member.place:
            self._world.after(self._world.between(NOTICED), partial(member.tell, event))

    # --- links --------------------------------------------------------------------------------------------

    def _cut(self, flap: Flap) -> None:
        if self.over:
            return
        a, b = flap.pair
        self._world.say(f"member {a} and member {b} cannot reach each other")
        self._network.cut(a, b)
        self._tell(self._members[a], Lost(b))
        self._tell(self._members[b], Lost(a))
        self._world.after(flap.down, partial(self._join, a, b))

    def _join(self, a: int, b: int) -> None:
        if self.over:
            return
        self._world.say(f"member {a} and member {b} can reach each other")
        self._network.mend(a, b)
        self._tell(self._members[a], Linked(b))
        self._tell(self._members[b], Linked(a))

    # --- the end of trouble -------------------------------------------------------------------------------

    def _mend(self) -> None:
        """Everyone comes up and stays up, everyone can be reached; liars go on lying."""
        self._world.say("the trouble is over")
        self.over = True
        self._network.heal()
        for member in self._members:
            member.spare()
            self._start(member)
        self._world.after(NOTICED[1] + 1, self._link_all)

    def _link_all(self) -> None:
        for member in self._members:
            for other in self._members:
                self._tell(member, Linked(other.place))
