"""Natural batches: one signature and one transaction for all that waits; nothing leaves before it is durable."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from assay import certificate
from assay.direct import statement
from assay.errors import Unavailable
from assay.ids import uuid7
from assay.keys import PrivateKey
from assay.tensor import Tensor
from assay.verify import Trust, verify
from node import signer as signing
from node.journal import Journal
from node.signer import Signer
from tests.node.worlds import REFERENCE, TARGET
from wire.deadline import now_ms

KEY = PrivateKey(bytes(32))
OUTPUTS = (Tensor.of("y", np.zeros((1, 4), "f4")),)


def stated():
    return statement(
        uuid7().bytes, target=TARGET, model=REFERENCE, input_digest=bytes(32), outputs=OUTPUTS, time_ms=now_ms()
    )


class SlowJournal(Journal):
    """Waits for `gate` before each transaction; `problem` takes its place."""

    def __init__(self, path):
        super().__init__(path)
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.problem = None
        self.sizes = []

    def record(self, answers):
        self.entered.set()
        assert self.gate.wait(20)
        if self.problem:
            raise self.problem
        super().record(answers)
        self.sizes.append(len(answers))


@pytest.fixture
async def journal(tmp_path):
    journal = SlowJournal(tmp_path / "j")
    yield journal
    journal.close()


@pytest.fixture
async def signer(journal):
    signer = Signer(KEY, journal)
    yield signer
    journal.gate.set()
    await signer.close()


async def test_a_certificate_proves_its_statement_and_is_in_the_journal(signer, journal):
    said = stated()
    document = await signer.sign(said, bytes(32))
    assert verify(document, Trust(providers=frozenset({KEY.public.raw}))).exit_code == 0
    assert certificate.parse(document).statement == said
    assert journal.answer(said.request).certificate == document


async def test_what_arrives_while_a_batch_is_written_becomes_the_next_batch(signer, journal):
    journal.gate.clear()
    first = asyncio.create_task(signer.sign(stated(), bytes(32)))
    await asyncio.to_thread(journal.entered.wait, 20)
    rest = [asyncio.create_task(signer.sign(stated(), bytes(32))) for _ in range(9)]
    await asyncio.wait({first}, timeout=0.05)
    assert not first.done(), "nothing leaves before it is in the journal"
    journal.gate.set()
    documents = await asyncio.gather(first, *rest)
    assert journal.sizes == [1, 9]
    signatures = {certificate.parse(each).evidence.signature for each in documents}
    assert len(signatures) == 2
    assert {verify(each, Trust()).valid for each in documents} == {True}


async def test_a_batch_is_capped(signer, journal, monkeypatch):
    monkeypatch.setattr(signing, "BATCH", 4)
    journal.gate.clear()
    tasks = [asyncio.create_task(signer.sign(stated(), bytes(32))) for _ in range(10)]
    await asyncio.sleep(0)
    journal.gate.set()
    await asyncio.gather(*tasks)
    assert sum(journal.sizes) == 10
    assert max(journal.sizes) == 4


async def test_a_journal_that_fails_lets_nothing_leave_and_recovers(signer, journal):
    journal.problem = Unavailable("the journal could not sign", code="journal-failed")
    said = stated()
    with pytest.raises(Unavailable):
        await signer.sign(said, bytes(32))
    assert journal.answer(said.request) is None
    journal.problem = None
    assert verify(await signer.sign(said, bytes(32)), Trust()).valid


async def test_a_mistake_fails_its_batch_and_not_the_signer(signer, journal):
    journal.problem = ZeroDivisionError()
    with pytest.raises(Unavailable) as failed:
        await signer.sign(stated(), bytes(32))
    assert failed.value.code == "internal"
    journal.problem = None
    await signer.sign(stated(), bytes(32))


async def test_an_asker_who_leaves_does_not_hold_up_the_others(signer, journal):
    journal.gate.clear()
    leaving = asyncio.create_task(signer.sign(stated(), bytes(32)))
    staying = asyncio.create_task(signer.sign(stated(), bytes(32)))
    await asyncio.to_thread(journal.entered.wait, 20)
    leaving.cancel()
    journal.gate.set()
    assert verify(await staying, Trust()).valid


async def test_closing_gives_up_what_waits(journal):
    signer = Signer(KEY, journal)
    journal.gate.clear()
    tasks = [asyncio.create_task(signer.sign(stated(), bytes(32))) for _ in range(2)]
    await asyncio.to_thread(journal.entered.wait, 20)
    closing = asyncio.create_task(signer.close())
    await asyncio.sleep(0)
    journal.gate.set()
    await closing
    for task in tasks:
        task.cancel()
    assert await asyncio.gather(*tasks, return_exceptions=True)
