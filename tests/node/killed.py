"""A node that dies at a chosen moment, run as a process of its own: `python killed.py HOME MOMENT`.

It serves over a plain object instead of Triton. Moments: `before-commit`, `after-commit` (signed and durable, not
yet sent) of the first batch; `never`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "sdk")]

from node.daemon import running  # noqa: E402
from node.home import Home  # noqa: E402
from node.journal import Journal  # noqa: E402
from tests.node.worlds import HELD, PlainTriton  # noqa: E402


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def arrange(moment: str) -> None:
    record = Journal.record

    def recorded(journal, answers):
        record(journal, answers)
        die()

    if moment == "before-commit":
        Journal.record = die
    elif moment == "after-commit":
        Journal.record = recorded


async def main(home: Home, moment: str) -> None:
    arrange(moment)
    triton = PlainTriton()
    triton.loaded.add(HELD.reference.commitment.hex())
    with home.locked():
        async with running(home, home.load_config(), home.load_key(), lambda _: triton) as daemon:
            await daemon._models.look()
            print(daemon.server.address, flush=True)
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, daemon.drain)
            await daemon.ended.wait()


if __name__ == "__main__":
    asyncio.run(main(Home(Path(sys.argv[1])), sys.argv[2]))
