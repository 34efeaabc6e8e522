"""Signs answers in natural batches: whatever has finished while the last batch was being made durable.

One batch is one Merkle tree, one signature and one transaction of the journal, in a thread of its own so that
requests go on being taken. Nothing leaves before it is in the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from assay.certificate import Statement
from assay.direct import issue
from assay.errors import AssayError, Unavailable
from assay.keys import PrivateKey
from node.journal import Answer, Journal

BATCH = 1024  # statements under one signature


class _Waiting(NamedTuple):
    statement: Statement
    question: bytes
    signed: asyncio.Future[bytes]


class Signer:
    """Signs with `key`; `observe` is told the size of each batch. Runs until `close`."""

    def __init__(self, key: PrivateKey, journal: Journal, observe: Callable[[int], None] | None = None) -> None:
        self._key = key
        self._journal = journal
        self._observe = observe or _unobserved
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="signer")
        self._work = asyncio.create_task(self._run())

    async def sign(self, statement: Statement, question: bytes) -> bytes:
        """The certificate's canonical bytes, once they are in the journal under `question`.

        Raises Unavailable where the journal does not take them; then nothing has been signed that counts.
        """
        signed: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(statement, question, signed))
        self._arrived.set()
        return await signed

    async def close(self) -> None:
        """Ends at once; what waits is never signed. Whoever drains waits for its answers first."""
        self._work.cancel()
        await asyncio.gather(self._work, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown)
        for each in self._waiting:
            each.signed.cancel()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            if not self._waiting:
                self._arrived.clear()
            try:
                certificates = await loop.run_in_executor(
                    self._thread,
                    seal,
                    self._key,
                    self._journal,
                    [(each.statement, each.question) for each in batch],
                )
            except AssayError as error:
                _fail(batch, error)
            except Exception as error:  # noqa: BLE001  (a bug fails its batch, not the node)
                _fail(batch, Unavailable("the batch could not be signed", code="internal", got=repr(error)))
            else:
                self._observe(len(batch))
                for each, certificate in zip(batch, certificates, strict=True):
                    if not each.signed.done():
                        each.signed.set_result(certificate)


def seal(key: PrivateKey, journal: Journal, batch: Sequence[tuple[Statement, bytes]]) -> list[bytes]:
    """The certificates of (statement, question) pairs under one signature, once the journal has them all."""
    certificates = [each.to_cbor() for each in issue(key, [stated for stated, _ in batch])]
    journal.record(
        [
            Answer(stated.request, question, certificate)
            for (stated, question), certificate in zip(batch, certificates, strict=True)
        ]
    )
    return certificates


def _fail(batch: Sequence[_Waiting], error: AssayError) -> None:
    for each in batch:
        if not each.signed.done():
            each.signed.set_exception(error)


def _unobserved(size: int) -> None:
    """Nobody counts."""
