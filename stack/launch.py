"""Becomes another program, bound to the life of the manager that started it.

    launch.py MANAGER_PID UID GID CAPABILITIES PROGRAM [ARGUMENT…]

UID and GID -1 keep the user. CAPABILITIES is a bit mask kept across the change of user. The kernel kills the
program when the manager dies, however it dies. A small program of its own, because what it does between fork
and exec is not safe inside a process that has threads. Standard library only: it runs under `python -I -S`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522  # <linux/capability.h>

libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(libc, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def become(uid: int, gid: int, capabilities: int) -> None:
    """Gives up root for (uid, gid), keeping only `capabilities`."""
    _call("prctl", PR_SET_KEEPCAPS, int(capabilities != 0), 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if capabilities:
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        sets = (ctypes.c_uint32 * 6)(capabilities, capabilities, capabilities)  # effective, permitted, inheritable
        _call("capset", header, sets)
    for bit in range(32):
        if capabilities >> bit & 1:
            _call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0)


def main() -> None:
    manager, uid, gid, capabilities = map(int, sys.argv[1:5])
    if uid >= 0:
        become(uid, gid, capabilities)
    _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # after `become`: a change of user clears it
    if os.getppid() != manager:  # it died before the line above
        sys.exit("the manager is gone")
    os.execvp(sys.argv[5], sys.argv[5:])  # noqa: S606 -- exec is what this program is for


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"cannot start {sys.argv[5]}: {error}")
