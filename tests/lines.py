"""Something that happens at one line of some files, whichever it is: to be killed at any of them, for one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

Trace = Callable[..., Any]


def at_line(line: int, watched: Collection[str], happen: Callable[[], None]) -> Trace:
    """For `sys.settrace`: what is to `happen` when the `line`-th line of these files is about to run, from 0."""
    left = line

    def trace(frame: Any, event: str, argument: object) -> Trace | None:
        nonlocal left
        if frame.f_code.co_filename not in watched:
            return None
        if event == "line":
            left -= 1
            if left < 0:
                happen()
        return trace

    return trace
