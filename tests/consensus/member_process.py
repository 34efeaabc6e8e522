"""A member as a process of its own, to be killed: `python member_process.py PLACE LOG PORT PORT PORT PORT`.

It listens on its own port of the four, which are the members', and answers as `Member` does.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "sdk")]

from tests.consensus.test_group_end_to_end import Living  # noqa: E402


async def main(place: int, path: Path, ports: list[int]) -> None:
    living = Living(path.parent)
    for member, port in zip(living.members, ports, strict=True):
        member.port = port
    await living.start(place)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), [int(port) for port in sys.argv[3:]]))
