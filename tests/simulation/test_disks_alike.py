"""The simulated disk gives back what the real one does, write for write, restart for restart."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from assay.agreement.group import Configuration
from assay.keys import PublicKey
from consensus.durable import Restored
from consensus.simulator.disk import Disk
from consensus.simulator.founding import BEGAN
from consensus.simulator.simulation import Simulation
from consensus.storage import SqliteStorage


class Both(Disk):
    """A simulated disk beside a real one."""

    def __init__(self, path: Path, genesis: Configuration, key: PublicKey) -> None:
        super().__init__()
        self._open = partial(SqliteStorage, path, genesis, key, lambda: BEGAN)
        self.real = self._open()
        self.restored = 0

    def enter(self, after: Configuration) -> None:
        super().enter(after)
        self.real.close()
        self.real = self._open(present=after)

    def write(self, what):
        super().write(what)
        self.real.write(what)

    def restore(self) -> Restored:
        simulated, real = super().restore(), self.real.restore()
        for name in ("standing", "past", "bodies", "head", "moved", "installed", "secrets", "fixed"):
            assert getattr(simulated, name) == getattr(real, name), name
        assert [each.signature for each in simulated.spoken] == [each.signature for each in real.spoken]
        assert {(each.vote, each.lock) for each in simulated.votes} == {
            (each.vote, each.lock) for each in real.votes
        }
        assert self.records(1, 1000) == self.real.records(1, 1000)
        self.restored += simulated.standing is not None
        return real


def crashing(seeds: range) -> list[int]:
    scenarios = [(seed, Simulation(seed, 4).scenario) for seed in seeds]
    found = [(seed, each) for seed, each in scenarios if len(each.crashes) > 1]
    assert {each.copy_resistant for _, each in found} == {False, True}
    return [seed for seed, _ in found]


def restored(seed: int, folder: Path) -> int:
    """How often a member came back to a log that had begun."""
    disks: list[Both] = []

    def disk(place, founded):
        key = PublicKey(founded.members[place].key)
        name = f"{seed}-{len(disks)}"
        disks.append(Both(folder / name, founded.configuration, key))
        return disks[-1]

    account = Simulation(seed, 4, disk=disk).run()
    for each in disks:
        each.restore()
        each.real.close()
    assert not account.broken, f"seed {seed}: {account.detail}"
    return sum(each.restored for each in disks)


def test_members_live_on_real_disks(tmp_path):
    counts = [restored(seed, tmp_path) for seed in crashing(range(60))]
    assert sum(count >= 4 for count in counts) >= 4
