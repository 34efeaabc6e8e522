"""A short, private folder for unix sockets, whose paths may have 107 bytes only (`sun_path` in unix(7)).

Its name follows from the folder of the stack it belongs to, so that it is found again after a crash. In a
shared /tmp somebody else may have taken the name: such a folder is refused, never used.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from stack.account import Account


def socket_folder(owner: Path, account: Account) -> Path:
    """The folder of the stack at `owner`, mode 0700, belonging to `account`. Raises PermissionError."""
    name = hashlib.sha256(os.fsencode(owner.resolve())).hexdigest()[:16]
    path = _base() / f"assay-{name}"
    try:
        path.mkdir(mode=0o700)
        account.give(path)
    except FileExistsError:
        found = path.lstat()
        ours = (os.geteuid(), account.uid)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours or found.st_mode & 0o077:
            raise PermissionError(f"{path} belongs to somebody else; remove it and try again") from None
        account.give(path)
    return path


def _base() -> Path:
    """The session's private folder if there is one, else /tmp (not $TMPDIR, which may be long)."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"))
    if runtime.is_dir() and runtime.stat().st_uid == os.geteuid() and len(os.fsencode(runtime)) <= 48:
        return runtime
    return Path("/tmp")  # noqa: S108  # nosec B108 - the folder inside is checked for its owner and mode
