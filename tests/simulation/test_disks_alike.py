"""The simulated disk gives back what the real one does, write for write, restart for restart."""

from __future__ import annotations

import pytest

from assay.keys import PublicKey
from consensus.durable import Restored
from consensus.simulator.disk import Disk
from consensus.simulator.founding import BEGAN
from consensus.simulator.simulation import Simulation
from consensus.storage import SqliteStorage


class Both(Disk):
    """A simulated disk beside a real one."""

    def __init__(self, real: SqliteStorage) -> None:
        super().__init__()
        self.real = real
        self.restored = 0

    def write(self, what):
        super().write(what)
        self.real.write(what)

    def restore(self) -> Restored:
        simulated, real = super().restore(), self.real.restore()
        for name in ("standing", "past", "bodies", "head", "moved", "installed"):
            assert getattr(simulated, name) == getattr(real, name), name
        assert [each.signature for each in simulated.spoken] == [each.signature for each in real.spoken]
        assert {(each.vote, each.lock) for each in simulated.votes} == {
            (each.vote, each.lock) for each in real.votes
        }
        assert self.records(1, 1000) == self.real.records(1, 1000)
        self.restored += simulated.standing is not None
        return real


def crashing(seeds: range) -> list[int]:
    return [seed for seed in seeds if len(Simulation(seed, 4).scenario.crashes) > 1]


@pytest.mark.parametrize("seed", crashing(range(24)))
def test_members_live_on_real_disks(tmp_path, seed):
    disks: list[Both] = []

    def disk(place, founded):
        key = PublicKey(founded.members[place].key)
        storage = SqliteStorage(tmp_path / str(place), founded.configuration, key, lambda: BEGAN)
        disks.append(Both(storage))
        return disks[-1]

    account = Simulation(seed, 4, disk=disk).run()
    for each in disks:
        each.restore()
        each.real.close()
    assert not account.broken, account.detail
    assert sum(each.restored for each in disks) >= 4
