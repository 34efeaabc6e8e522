"""A program that manages one service with a child of its own until a signal comes; run by test_lifetime.py."""

import asyncio
import sys
from pathlib import Path

from stack.foreground import until_signal
from stack.manager import Manager
from stack.testing import Loud
from tests.stack.conftest import FAMILY, python, said


async def manage(logs: Path) -> None:
    async with Manager([python("family", FAMILY, ready=said(logs, "family"))], logs, Loud()) as manager:
        print(manager.pid("family"), flush=True)
        await manager.failed()


if __name__ == "__main__":
    received = asyncio.run(until_signal(manage(Path(sys.argv[1]))))
    print(received.name if received else "nothing", flush=True)
