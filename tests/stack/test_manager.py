"""The process manager: order, restarts, failures, and that nothing outlives it."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from stack.manager import START_ATTEMPTS, Backoff, Manager, StartFailed
from stack.process import NotReady
from tests.stack.conftest import DEADLINE, FAMILY, FOREVER, python, said, wait_gone

QUICK = Backoff(first=0.01, most=0.02)


async def test_a_service_starts_once_what_it_depends_on_is_ready(tmp_path, recorder):
    gate = asyncio.Event()

    async def opened():
        if not gate.is_set():
            recorder._record("asked", "first")
            raise NotReady("closed")

    services = [
        python("second", FOREVER, depends_on=("first",)),
        python("first", FOREVER, ready=opened),
    ]
    manager = Manager(services, tmp_path, recorder)
    start = asyncio.create_task(manager.start())
    await recorder.until("asked", "first", times=3)
    assert ("starting", "second") not in recorder.events
    gate.set()
    await start
    await manager.stop()
    kept = [event for event in recorder.events if event[0] != "asked"]
    assert kept == [
        *(("starting", "first"), ("ready", "first"), ("starting", "second"), ("ready", "second")),
        *(("stopped", "second"), ("stopped", "first")),
    ]


async def test_a_dead_service_is_restarted_with_growing_pauses_and_the_reason_shown(tmp_path, recorder):
    services = [
        python("web", "import signal; print('about to serve'); signal.pause()", ready=said(tmp_path, "web"))
    ]
    async with Manager(services, tmp_path, recorder, Backoff(first=0.01, most=0.05)) as manager:
        for death in range(1, 5):
            pid = manager.pid("web")
            os.kill(pid, signal.SIGKILL)
            await recorder.until("died", "web", times=death)
            await recorder.until("ready", "web", times=death + 1)
            assert manager.pid("web") != pid
    assert [reason for reason, _, _ in recorder.deaths] == ["killed by SIGKILL"] * 4
    assert [pause for _, _, pause in recorder.deaths] == [0.01, 0.02, 0.04, 0.05]
    assert recorder.deaths[0][1] == ["about to serve"]


async def test_a_service_that_keeps_dying_ends_the_start_with_its_last_lines(tmp_path, recorder):
    dying = "import sys; print('reading settings'); sys.exit('no such option: --colour')"

    async def never():
        raise NotReady("not listening")

    services = [
        python("base", FOREVER),
        python("web", dying, ready=never),
        python("late", FOREVER, depends_on=("web",)),
    ]
    with pytest.raises(StartFailed) as failure:
        async with Manager(services, tmp_path, recorder, QUICK):
            pytest.fail("it started")
    assert recorder.failure == ("web", "exit status 1", ["reading settings", "no such option: --colour"])
    assert failure.value.log.read_text().count("no such option") == START_ATTEMPTS
    assert len(recorder.deaths) == START_ATTEMPTS - 1
    assert ("starting", "late") not in recorder.events
    assert recorder.events[-1] == ("stopped", "base")


async def test_a_service_that_is_never_ready_ends_the_start_with_what_was_missing(tmp_path, recorder):
    async def never():
        raise NotReady("port 1 is closed")

    services = [python("web", FOREVER, ready=never, ready_within=0.2)]
    with pytest.raises(StartFailed, match=r"not ready within 0\.2 s: port 1 is closed"):
        await started_and_stopped(Manager(services, tmp_path, recorder, QUICK))


async def test_a_missing_program_ends_the_start_with_its_name(tmp_path, recorder):
    services = [python("web", "", ready=lambda: asyncio.Event().wait())]
    object.__setattr__(services[0], "argv", ("/nonexistent/program",))
    with pytest.raises(StartFailed):
        await started_and_stopped(Manager(services, tmp_path, recorder, QUICK))
    assert "/nonexistent/program" in "".join(recorder.failure[2])


async def started_and_stopped(manager):
    async with manager:
        pass


async def test_a_service_that_ignores_the_signal_is_killed(tmp_path, recorder):
    deaf = "import signal; signal.signal(15, signal.SIG_IGN); print('deaf'); signal.pause(); signal.pause()"
    services = [python("deaf", deaf, ready=said(tmp_path, "deaf"), stop_within=0.1)]
    async with Manager(services, tmp_path, recorder) as manager:
        pid = manager.pid("deaf")
    wait_gone([pid])


async def test_children_of_a_dead_service_are_gone_before_its_next_life(tmp_path, recorder):
    services = [python("pool", FAMILY, ready=said(tmp_path, "pool"))]
    async with Manager(services, tmp_path, recorder, QUICK) as manager:
        child = int((tmp_path / "pool.log").read_text())
        os.kill(manager.pid("pool"), signal.SIGKILL)
        await recorder.until("died", "pool")
        wait_gone([child])


async def test_stop_during_the_start_leaves_nothing(tmp_path, recorder):
    services = [
        python("slow", "import os, signal; print(os.getpid()); signal.pause()", ready=asyncio.Event().wait)
    ]
    manager = Manager(services, tmp_path, recorder)
    start = asyncio.create_task(manager.__aenter__())
    async with asyncio.timeout(DEADLINE):
        while manager._units.get("slow") is None or manager.pid("slow") is None:
            await asyncio.wait({start}, timeout=0.01)
    pid = manager.pid("slow")
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    wait_gone([pid])


async def test_a_circle_of_dependencies_is_refused(tmp_path, recorder):
    services = [python("a", FOREVER, depends_on=("b",)), python("b", FOREVER, depends_on=("a",))]
    with pytest.raises(ValueError, match="cycle"):
        await started_and_stopped(Manager(services, tmp_path, recorder))


async def test_a_step_holds_up_what_depends_on_it_and_runs_once(tmp_path, recorder):
    services = [
        python("web", FOREVER, depends_on=("migrate",)),
        python("migrate", "print('migrating')", ready=None),
    ]
    async with Manager(services, tmp_path, recorder, QUICK) as manager:
        assert manager.pid("migrate") is None
        assert (tmp_path / "migrate.log").read_text() == "migrating\n"
    assert recorder.events[:3] == [("starting", "migrate"), ("ready", "migrate"), ("starting", "web")]
    assert recorder.deaths == []


async def test_a_failing_step_ends_the_start_without_a_second_try(tmp_path, recorder):
    services = [python("migrate", "import sys; sys.exit('no such table')", ready=None)]
    with pytest.raises(StartFailed):
        await started_and_stopped(Manager(services, tmp_path, recorder, QUICK))
    assert recorder.failure == ("migrate", "exit status 1", ["no such table"])
    assert recorder.deaths == []
