"""Writing down what happens to predictions, many at a time: while one batch is being written the next one gathers.

Under load a transaction thus serves dozens of predictions; at rest one is written at once.
"""

from __future__ import annotations

import asyncio
import logging

from marketplace.db.threads import DatabaseThreads
from marketplace.predictions import actions
from marketplace.predictions.changes import Change

log = logging.getLogger(__name__)

MAX_BATCH = 500

_Waiting = tuple[Change, asyncio.Future[bool]]


class Writer:
    """`run` writes until cancelled; what is not written by then is carried out again when its lease is over."""

    def __init__(self, database: DatabaseThreads) -> None:
        self._database = database
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()

    def note(self, change: Change) -> asyncio.Future[bool]:
        """Queues a change, in order. The future tells whether it reached its prediction, once it is durable."""
        written = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((change, written))
        return written

    async def run(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while not self._queue.empty() and len(batch) < MAX_BATCH:
                batch.append(self._queue.get_nowait())
            await self._write(batch)

    async def _write(self, batch: list[_Waiting]) -> None:
        try:
            reached = await self._database.insist(actions.apply, [change for change, _ in batch])
        except Exception:
            if len(batch) > 1:  # one of them is to blame; the others shall not suffer
                for each in batch:
                    await self._write([each])
                return
            log.exception("cannot write %s", batch[0][0].prediction)
            reached = frozenset()
        for change, written in batch:
            if not written.done():
                written.set_result(change.prediction in reached)
