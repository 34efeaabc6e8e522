"""Whether the client of a request is still there: nobody need go on waiting for one that has left.

The event loop watches the connection (`marketplace.handler`); who waits in a thread for the request is woken.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar


class Client:
    """Whoever a request came from; there until `leave`."""

    def __init__(self) -> None:
        self.gone = False
        self._wake: Callable[[], object] | None = None

    def on_leaving(self, wake: Callable[[], object]) -> None:
        """`wake` is called, from another thread, when the client leaves; at once if it has."""
        self._wake = wake
        if self.gone:  # looked at after, as `leave` calls after: one of the two sees the other
            wake()

    def leave(self) -> None:
        self.gone = True
        if self._wake is not None:
            self._wake()


_current: ContextVar[Client] = ContextVar("client")


def client() -> Client:
    """Of the request that is being answered; one that never leaves if nobody watches."""
    return _current.get(None) or Client()


def answering(asking: Client) -> None:
    """From now on, in this context, `client` is `asking`."""
    _current.set(asking)
