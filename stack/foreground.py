"""Runs a coroutine until it is done or somebody asks for the end: Ctrl-C, SIGTERM, or the terminal closing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def until_signal(work: Coroutine[object, object, None]) -> signal.Signals | None:
    """Runs `work`; a signal cancels it, once, and is returned after `work` has cleaned up.

    Further signals are ignored while it does, so that an impatient second Ctrl-C leaves no process behind; the
    clean-up has deadlines of its own.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    received: list[signal.Signals] = []

    def end(which: signal.Signals) -> None:
        if not received:
            received.append(which)
            task.cancel()

    for which in ENDS:
        loop.add_signal_handler(which, end, which)
    try:
        await task
    except asyncio.CancelledError:
        if not received:
            raise
    finally:
        for which in ENDS:
            loop.remove_signal_handler(which)
    return received[0] if received else None
