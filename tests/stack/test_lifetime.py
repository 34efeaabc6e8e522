"""However the manager ends, nothing it started is left; and only one stack runs in a folder."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from stack.lock import Held, only_one
from stack.tree import ROOT
from tests.stack.conftest import DEADLINE, wait_gone


@contextlib.contextmanager
def managing(logs):
    """A manager in a process of its own, and the pids of the service it runs and of that service's child."""
    argv = [sys.executable, "-m", "tests.stack.managed", str(logs)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as manager:
        try:
            service = int(manager.stdout.readline())
            yield manager, [service, int((logs / "family.log").read_text())]
        finally:
            manager.kill()


def test_killing_the_manager_leaves_no_service_and_no_child_of_one(tmp_path):
    with managing(tmp_path) as (manager, family):
        manager.kill()
        manager.wait(DEADLINE)
        wait_gone(family)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(tmp_path, how):
    with managing(tmp_path) as (manager, family):
        manager.send_signal(how)
        output, _ = manager.communicate(timeout=DEADLINE)
        assert output.strip() == how.name
        wait_gone(family)


def test_an_impatient_second_signal_leaves_nothing_either(tmp_path):
    with managing(tmp_path) as (manager, family):
        manager.send_signal(signal.SIGINT)
        manager.send_signal(signal.SIGINT)
        manager.communicate(timeout=DEADLINE)
        wait_gone(family)


def test_a_held_lock_is_refused_with_the_holders_pid(tmp_path):
    with only_one(tmp_path / "lock"), pytest.raises(Held) as refusal, only_one(tmp_path / "lock"):
        pytest.fail("two held it")
    assert refusal.value.pid == os.getpid()


def test_a_lock_whose_holder_was_killed_is_free(tmp_path):
    hold = "import sys; from pathlib import Path; from stack.lock import only_one\n"
    hold += "with only_one(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    argv = [sys.executable, "-c", hold, str(tmp_path / "lock")]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Held) as refusal, only_one(tmp_path / "lock"):
            pytest.fail("two held it")
        assert refusal.value.pid == holder.pid
        holder.kill()
        holder.wait(DEADLINE)
        with only_one(tmp_path / "lock"):
            assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
