"""Short, private folders with plain names outside the checkout, for what cannot cope with the checkout's own path.

Unix sockets, whose paths may have 107 bytes only (`sun_path` in unix(7)), and links for programs that read paths
through a shell. A folder's name follows from what it is for, so that it is found again after a crash. In a shared
/tmp somebody else may have taken the name: such a folder is refused, never used.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from pathlib import Path

from stack.account import Account

PLAIN = re.compile(r"[A-Za-z0-9@%+=,./_-]+")  # what a shell, and LD_LIBRARY_PATH, take for one path as it stands


def socket_folder(owner: Path, account: Account) -> Path:
    """The folder of the stack at `owner`, mode 0700, belonging to `account`. Raises PermissionError."""
    return _private_folder(_digest(owner), account)


def plain(path: Path) -> Path:
    """`path` by a way that a shell takes for one word: itself, or through a link to its last oddly named folder.

    Raises PermissionError if the links' folder is somebody else's.
    """
    path = path.absolute()
    if PLAIN.fullmatch(str(path)):
        return path
    odd = next(folder for folder in (path, *path.parents) if not PLAIN.fullmatch(folder.name))
    link = _private_folder(f"links-{os.geteuid()}", Account()) / _digest(odd)
    with contextlib.suppress(FileExistsError):  # its name says where it leads, so it never has to change
        link.symlink_to(odd.resolve())
    return link / path.relative_to(odd)


def _private_folder(name: str, account: Account) -> Path:
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


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]


def _base() -> Path:
    """The session's private folder if there is one, else /tmp (not $TMPDIR, which may be long)."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"))
    short = len(os.fsencode(runtime)) <= 48 and PLAIN.fullmatch(str(runtime))
    if short and runtime.is_dir() and runtime.stat().st_uid == os.geteuid():
        return runtime
    return Path("/tmp")  # noqa: S108  # nosec B108 - the folder inside is checked for its owner and mode
