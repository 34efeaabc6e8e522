"""How replicas are broken on purpose: something else in the place of a part, for as long as that lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from consensus.durable import Restored
from consensus.judging import Group
from consensus.replica import Replica


@contextmanager
def instead(owner: Any, name: str, by: object) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, by)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def every(*parts: AbstractContextManager[None]) -> Iterator[None]:
    with ExitStack() as stack:
        for each in parts:
            stack.enter_context(each)
        yield


class Hasty(Group):
    """For which f + 1 are enough."""

    @property
    def quorum(self) -> int:
        return self.configuration.f + 1


def hurried(group: Group) -> Group:
    return Hasty(group.genesis, group.configuration, group.first, group.later)


def hasty(owner: Any, name: str) -> AbstractContextManager[None]:
    """With such a group in the place of the owner's."""
    return instead(owner, name, hurried(getattr(owner, name)))


def restored(change: Callable[[Restored], Restored]) -> AbstractContextManager[None]:
    """What comes back from the disk is changed on its way."""
    begin = Replica.__init__

    def forgetful(self: Replica, group: Group, me: int, seal: Any, kept: Restored) -> None:
        begin(self, group, me, seal, change(kept))

    return instead(Replica, "__init__", forgetful)
