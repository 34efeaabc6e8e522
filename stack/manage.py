"""`manage.py` on the marketplace that `make up` runs in this folder: the commands of docs/guides/operating.md.

    python -m stack.manage ledger check

It runs as what serves does, not as the owner of the tables; while nothing runs it says so and does nothing.
"""

from __future__ import annotations

import json
import os
import sys
from urllib.parse import urlsplit

from stack import ports, services
from stack.services import Marketplace
from stack.tree import ROOT, Tree
from stack.up import DEMO, TREE


def main() -> None:
    try:
        port = urlsplit(json.loads(DEMO.read_bytes())["url"]).port
    except FileNotFoundError:
        sys.exit("stack.manage: nothing is ready in this folder; `make up` first, in another terminal")
    os.chdir(ROOT)
    command = [sys.executable, "manage.py", *sys.argv[1:]]
    os.execve(sys.executable, command, marketplace(TREE, port or 80).environment)  # noqa: S606  # nosec B606


def marketplace(tree: Tree, port: int) -> Marketplace:
    """The one of `tree` as it was planned when it was started."""
    _, database, broker = services.stores(tree, ports.known(tree.folder("run") / "ports.json")["redis"])
    return Marketplace(tree, port, database, broker)


if __name__ == "__main__":
    main()
