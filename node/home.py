"""A node's folder: where everything lies, made with the modes it must have, used by one process at a time.

node.toml        configuration
key              the owner's key, mode 0600; never leaves this folder but in a backup
retired/         keys that were rotated out
journal.sqlite   what was signed, which models are held
spool/           models: arriving (*.part) and held (*.onnx), named by digest
groups/          by genesis digest: a group's configuration, what this member has signed in it, whom it has caught
models/          Triton's model repository, unless the configuration says another place
address          while the daemon runs: where it listens
lock             held while the daemon, or a command that must not meet it, runs
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.errors import Refused, Unavailable
from assay.keys import PrivateKey
from node.config import Config, load, to_toml

PRIVATE_FOLDER = 0o700
VARIABLE = "ASSAY_NODE_HOME"


def default_home() -> Path:
    """$ASSAY_NODE_HOME, else ~/.assay-node."""
    return Path(os.environ.get(VARIABLE) or Path.home() / ".assay-node")


@dataclass(frozen=True)
class Home:
    """The folder `root`."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "node.toml"

    @property
    def key(self) -> Path:
        return self.root / "key"

    @property
    def retired(self) -> Path:
        return self.root / "retired"

    @property
    def journal(self) -> Path:
        return self.root / "journal.sqlite"

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def groups(self) -> Path:
        return self.root / "groups"

    @property
    def address(self) -> Path:
        return self.root / "address"

    def repository(self, config: Config) -> Path:
        """Where Triton reads its models."""
        return self.root / config.triton.repository

    def load_config(self) -> Config:
        return load(self.config)

    def load_key(self) -> PrivateKey:
        """Raises Refused naming what is wrong with the key file."""
        try:
            return PrivateKey.load(self.key)
        except OSError as error:
            raise Refused(
                "the node's key cannot be read",
                code="no-key",
                pointer=str(self.key),
                got=str(error.strerror),
                hint="`assay-node init` makes one.",
            ) from error

    def create(self, config: Config) -> PrivateKey:
        """Makes the folder with this configuration and a fresh key. Raises Refused where a node lives already."""
        if self.config.exists():
            raise Refused("there is a node here already", code="exists", pointer=str(self.config))
        for folder in (self.root, self.spool):
            folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        self.repository(config).mkdir(parents=True, exist_ok=True)
        if not self.key.exists():  # an interrupted init may have left one
            PrivateKey.generate().save(self.key)
        write_atomically(self.config, to_toml(config).encode())  # last: with it the node exists
        return self.load_key()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the folder for this process. Raises Unavailable where another process does."""
        self.root.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        handle = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Unavailable(
                    "another process uses this node's folder",
                    code="in-use",
                    pointer=str(self.root),
                    hint="`assay-node drain` ends a running daemon.",
                ) from None
            yield
        finally:
            os.close(handle)


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> None:
    """`path` holds `content` whole, or what it held before; also after a power cut."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes renames in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
