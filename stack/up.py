"""`make up`: the whole marketplace on real parts, from this folder, until Ctrl-C.

    python -m stack.up [--port 8000]

`var/demo.json` is written last and whole, and is there only while everything is: whoever waits for it finds it
ready. Says at every moment what it is doing; ends with the address, the demo's logins and a curl line that works.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

import httpx

from assay.errors import AssayError
from stack import ports, showing
from stack.console import Console
from stack.everything import Site
from stack.foreground import until_signal
from stack.lock import Held, only_one
from stack.manager import Manager, StartFailed
from stack.tree import ROOT, Tree

TREE = Tree(ROOT / "var")
DEMO = TREE.var / "demo.json"


class Refusal(Exception):
    """`make up` cannot start, for a reason that the person in front of it can do something about."""


def main() -> None:
    port = _arguments().port
    console = Console()
    try:
        with only_one(TREE.folder() / "up.lock"):
            DEMO.unlink(missing_ok=True)
            try:
                asyncio.run(until_signal(up(port, console)))
            finally:
                DEMO.unlink(missing_ok=True)  # it says that everything is there
            console.say("[dim]everything is stopped[/]")
    except Held as held:
        sys.exit(f"make up: this folder's marketplace is running already, as process {held.pid}")
    except StartFailed as failure:
        console.close()
        sys.exit(f"make up: {failure}; its whole output is in {os.path.relpath(failure.log)}")
    except (Refusal, OSError, AssayError, httpx.HTTPError) as refusal:
        console.close()
        sys.exit(f"make up: {refusal}")


async def up(port: int, console: Console) -> None:
    """Everything up, shown, and kept up until cancelled."""
    if not ports.is_free(port):
        raise Refusal(f"port {port} is taken by {ports.holder(port)}; try `make up PORT=9000`")
    site = Site.plan(TREE, port)
    async with Manager(site.services, TREE.logs, console) as manager:
        shown = await asyncio.to_thread(showing.ask, site.market.url, site.users)
        showing.write(DEMO, shown)
        showing.present(shown, console)
        await manager.failed()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make up", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=ports.parse, default=8000, help="where the site is served")
    return parser.parse_args()


if __name__ == "__main__":
    main()
