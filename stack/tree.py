"""Where a stack keeps its state: one folder, so that two stacks (`var/`, `var/test/…`) never meet.

Secrets are created once, mode 0600, and are never printed or logged.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from assay.keys import PrivateKey

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Tree:
    """The folders of one stack, under `var`."""

    var: Path

    def folder(self, *parts: str, mode: int = 0o755) -> Path:
        """The folder `var/<parts>`, created if need be."""
        path = self.var.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True, mode=mode)
        return path

    @property
    def logs(self) -> Path:
        return self.folder("log")

    def secret(self, name: str) -> Path:
        """A file with 64 random hexadecimal digits, created on first use; survives a kill at any line."""
        path = self.folder("secrets", mode=0o700) / name
        if not path.exists():
            _write_new(path, secrets.token_hex(32))
        return path

    def key(self, name: str) -> Path:
        """An Ed25519 key file (`assay.keys`), created on first use."""
        path = self.folder("secrets", mode=0o700) / name
        if not path.exists():
            half = path.with_suffix(f".{os.getpid()}")
            PrivateKey.generate().save(half)
            half.replace(path)
        return path


def _write_new(path: Path, text: str) -> None:
    half = path.with_suffix(f".{os.getpid()}")
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
