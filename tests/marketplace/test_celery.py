"""What a worker does once it is ready."""

from __future__ import annotations

import gc

import pytest
from celery import signals

import marketplace.celery


@pytest.fixture
def unfrozen():
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("unfrozen")
def test_a_worker_that_is_ready_leaves_what_it_has_imported_out_of_collections():
    before = gc.get_freeze_count()
    signals.worker_ready.send(marketplace.celery.app)
    assert gc.get_freeze_count() > before + 10_000
