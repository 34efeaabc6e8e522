"""Lets things fail as the scenario says, and mends all of it when the trouble ends."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from consensus.events import Linked, Lost
from consensus.simulator.member import Member
from consensus.simulator.network import Network
from consensus.simulator.scenario import Crash, Flap, Freeze, Jump, Scenario, Split
from consensus.simulator.world import World

NOTICED = (0, 100)  # ms until others see that a member cannot, or can, be reached


class Faults:
    """Members learn of links that break as they do from a transport: late, and each for itself."""

    def __init__(self, scenario: Scenario, world: World, network: Network, members: Sequence[Member]) -> None:
        """`members`: in the order of their places, then second twins."""
        self._scenario = scenario
        self._world = world
        self._network = network
        self._members = members
        self._down: dict[int, int] = {}  # how long a member that is doomed or dead stays down
        self._apart: Split | None = None
        self._gone: set[Member] = set()
        self.over = False

    def begin(self) -> None:
        for member in self._members:
            member.died = self._died
            self._world.after(self._world.between((0, 50)), partial(self._start, member))
        for crash in self._scenario.crashes:
            self._world.after(crash.at, partial(self._doom, crash))
        for flap in self._scenario.flaps:
            self._world.after(flap.at, partial(self._cut, flap))
        for split in self._scenario.splits:
            self._world.after(split.at, partial(self._split, split))
        for freeze in self._scenario.freezes:
            self._world.after(freeze.at, partial(self._freeze, freeze))
        for jump in self._scenario.jumps:
            self._world.after(jump.at, partial(self._jump, jump))
        self._world.after(self._scenario.trouble, self._mend)

    # --- members ------------------------------------------------------------------------------------------

    def _doom(self, crash: Crash) -> None:
        member = self._members[crash.place]
        if not self.over and member.machine and self._may_fail(crash.place):
            self._down[crash.place] = crash.down
            member.doom(crash.after, writes=crash.writes)

    def _freeze(self, freeze: Freeze) -> None:
        """Only as many are out of reach, by one fault or another, as may be."""
        member = self._members[freeze.place]
        if self.over or not member.machine or not self._may_fail(freeze.place):
            return
        self._down[freeze.place] = freeze.down
        member.freeze(freeze.down)
        self._world.after(freeze.down, partial(self._thawed, member))

    def _thawed(self, member: Member) -> None:
        if member.machine:
            self._down.pop(member.place, None)

    def _may_fail(self, place: int) -> bool:
        """Only as many may be down as the scenario allows; liars count unless it is harsh."""
        failing = self._down.keys() if self._scenario.harsh else self._down.keys() | self._scenario.liars
        most = self._scenario.n if self._scenario.harsh else self._scenario.f
        return place not in failing and len(failing) < most

    def _jump(self, jump: Jump) -> None:
        self._world.say(f"the clock of member {jump.place} is set by {jump.by} ms")
        self._members[jump.place].clock.jump(jump.by)

    def _died(self, member: Member) -> None:
        for other in self._members:
            self._tell(other, Lost(member.place))
        if member not in self._gone:
            self._world.after(1 if self.over else self._down[member.place], partial(self._start, member))

    def _start(self, member: Member) -> None:
        if member.machine or member in self._gone:
            return
        self._down.pop(member.place, None)
        member.start()
        for other in self._members:
            if other is not member and other.machine and self._network.reaches(member.end, other.end):
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
        self._network.cut(a, b, one_way=flap.one_way)
        if flap.one_way:
            self._world.say(f"member {b} does not hear member {a}")
        else:
            self._world.say(f"member {a} and member {b} cannot reach each other")
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

    def _split(self, split: Split) -> None:
        if self.over:
            return
        self._world.say(f"the group falls apart into {split.parts}")
        self._network.split(split.parts)
        self._notice()
        self._world.after(split.down, partial(self._unite, split))
        self._apart = split

    def _unite(self, split: Split) -> None:
        if not self.over and self._apart is split:
            self._world.say("the group is whole again")
            self._network.split(())
            self._notice()

    def _notice(self) -> None:
        """Members see whom they can reach now."""
        for member in self._members:
            for other in self._members:
                reached = self._network.reaches(member.end, other.end)
                self._tell(member, Linked(other.place) if reached else Lost(other.place))

    # --- the end of trouble -------------------------------------------------------------------------------

    def _mend(self) -> None:
        """Everyone comes up and stays up, everyone can be reached; liars go on lying."""
        self._world.say("the trouble is over")
        self.over = True
        self._network.heal()
        self._part_twins()
        for member in self._members:
            member.spare()
            member.thaw()
            self._start(member)
        self._world.after(NOTICED[1] + 1, self._link_all)

    def _part_twins(self) -> None:
        parting, n = self._scenario.parting, self._scenario.n
        twins = [] if parting == "stay" else self._members[n:]
        if parting == "both go":
            twins = [*twins, *(self._members[place] for place in self._scenario.twins)]
        self._gone = set(twins)
        for member in twins:
            member.leave()

    def _link_all(self) -> None:
        for member in self._members:
            for other in self._members:
                self._tell(member, Linked(other.place))
