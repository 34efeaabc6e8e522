"""An owner's Triton without Docker: the set-up's own server on one node's models, in this terminal, until Ctrl-C.

    python -m stack.serve FOLDER [--port 8001]

FOLDER is the `models` folder of a node made with `--backend python`, the one backend this server has. Listens on
the loopback interface only. Becomes the server, so that whoever started it (a shell, systemd) watches no other.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
from pathlib import Path

from assay.errors import AssayError
from stack import ports, setup, triton


class Refusal(Exception):
    """The server cannot start, for a reason that the person in front of it can do something about."""


def main() -> None:
    parser = argparse.ArgumentParser(
        "python -m stack.serve", description="Triton on a node's models, without Docker."
    )
    parser.add_argument("folder", type=Path, help="the node's models folder")
    parser.add_argument("--port", type=ports.parse, default=8001, help="gRPC, on 127.0.0.1 (8001)")
    arguments = parser.parse_args()
    try:
        serve(arguments.folder.absolute(), arguments.port)
    except (Refusal, AssayError, OSError) as refusal:
        sys.exit(f"stack.serve: {refusal}")


def serve(folder: Path, port: int) -> None:
    """Never returns. Raises Refusal, AssayError or OSError with nothing started."""
    if not folder.is_dir():
        raise Refusal(f"{folder} is no folder: `assay-node init` makes it")
    if not ports.is_free(port):
        raise Refusal(f"port {port} is taken by {ports.holder(port)}; give another with --port, and to the node")
    argv, environment = triton.command(setup.ENVIRONMENT, setup.backends(), folder, port=port)
    _claim(folder)
    triton.clear_leftovers(folder)
    print(f"Triton serves {folder} at 127.0.0.1:{port}; Ctrl-C stops it", flush=True)
    os.execve(argv[0], argv, environment)  # noqa: S606  # nosec B606 - no shell; the wheel's own program


def _claim(folder: Path) -> None:
    """Two servers on one folder would take each other's memory. Held by this process alone, through execve."""
    lock = os.open(folder.with_name(f"{folder.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(lock, True)
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not flock: that would live on in models' processes
    except BlockingIOError:
        raise Refusal(f"{folder} is being served already") from None


if __name__ == "__main__":
    main()
