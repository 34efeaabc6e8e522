"""`assay-node run`, up to the daemon's first step."""

from __future__ import annotations

import gc

import pytest
import uvloop
from click.testing import CliRunner

from node.commands.run import command


@pytest.fixture
def unfrozen():
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("unfrozen")
def test_what_is_imported_is_left_out_of_collections_before_the_first_answer(tmp_path, monkeypatch):
    frozen = []

    def starting(daemon):
        daemon.close()
        frozen.append(gc.get_freeze_count())

    monkeypatch.setattr(uvloop, "run", starting)
    assert CliRunner().invoke(command, ["--home", str(tmp_path)], catch_exceptions=False).exit_code == 0
    assert frozen[0] > 10_000
