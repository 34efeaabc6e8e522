"""Whom a program runs as. PostgreSQL refuses to run as root, so root lends it the account `nobody`.

`nobody` may have no way into a checkout under, say, /root (mode 0700). Then the program keeps one capability,
CAP_DAC_OVERRIDE, to get there; no directory's mode is ever changed and no account is ever created.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CAP_DAC_OVERRIDE = 1 << 1  # <linux/capability.h>: bit 1
UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class Account:
    """User, group and kept capabilities; -1 means the manager's own."""

    uid: int = -1
    gid: int = -1
    capabilities: int = 0

    @classmethod
    def unprivileged(cls, needed: Iterable[Path]) -> Account:
        """The manager's own account unless that is root; else one that can reach every path in `needed`."""
        if os.geteuid() != 0:
            return cls()
        entry = pwd.getpwnam(UNPRIVILEGED)
        blocked = any(not _open_to_all(path) for path in needed)
        return cls(entry.pw_uid, entry.pw_gid, CAP_DAC_OVERRIDE if blocked else 0)

    def give(self, path: Path) -> Path:
        """Makes `path` this account's."""
        if self.uid >= 0:
            os.chown(path, self.uid, self.gid)
        return path


def _open_to_all(path: Path) -> bool:
    """Whether anybody may come to `path` and read (and enter or run) it."""
    path = path.resolve()
    reach = all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)
    return reach and (path.stat().st_mode & 0o005) == 0o005
