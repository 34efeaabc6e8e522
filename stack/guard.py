"""Kills what a dead manager left behind.

The kernel kills a service's first process with its manager (launch.py), but not the children of that process.
The manager tells this program the process groups it starts (`+PGID`) and ends (`-PGID`), one a line; when the
manager dies, by whatever signal, the pipe ends and every group left is killed. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        sign, group = line[0], int(line[1:])
        (groups.add if sign == "+" else groups.discard)(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
