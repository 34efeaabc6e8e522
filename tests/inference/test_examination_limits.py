"""What an examination may cost, and what becomes of one that is killed, hangs, or says nonsense."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time

import msgspec
import psutil
import pytest

from assay.errors import Refused
from assay.modelfile.report import MAX_FINDINGS
from inference.validation import LIMITS, Limits, runner, validate, validate_sync
from inference.validation.outcome import MAX_REPORT, Outcome
from tests.inference import attacks, models

BOMBS = {attack.name: attack for attack in attacks.ATTACKS}
ENDLESS = BOMBS["loop without end"]


@pytest.fixture
def upload(tmp_path):
    def write(data: bytes):
        file = tmp_path / "upload.onnx"
        file.write_bytes(data)
        return file

    return write


def codes(report):
    return [finding.code for finding in report.findings]


def examiners():
    return [child for child in psutil.Process().children() if "inference.validation.worker" in child.cmdline()]


def test_a_file_beyond_the_limit_is_refused_unread(upload):
    report = validate_sync(upload(bytes(1001)), Limits(file_bytes=1000))
    assert codes(report) == ["too-large"]
    assert report.size == 1001


@pytest.mark.parametrize(
    ("limits", "code"),
    [(Limits(nodes=1), "too-many"), (Limits(initialisers=1), "too-many"), (Limits(row_bytes=15), "too-large")],
)
def test_limits_on_the_graph_are_named(upload, limits, code):
    report = validate_sync(upload(models.affine().SerializeToString()), limits)
    assert codes(report) == [code, code][: len(report.findings)]
    assert report.findings[0].expected.startswith("at most")


def test_wall_time_ends_an_examination_that_does_not_end_itself(upload):
    begun = time.monotonic()
    report = validate_sync(upload(ENDLESS.data()), Limits(wall_s=3.0))
    assert time.monotonic() - begun < 10
    assert codes(report) == ["too-slow"]
    assert report.inputs  # what was known before it hung is kept
    assert not examiners()


def test_too_little_memory_is_a_finding(upload):
    report = validate_sync(upload(models.affine().SerializeToString()), Limits(memory_bytes=2**26))
    assert codes(report) == ["out-of-memory"]


def test_a_validator_that_cannot_start_is_not_the_files_fault(upload, monkeypatch):
    monkeypatch.setattr(runner, "ENVIRONMENT", {})
    monkeypatch.setattr(runner.sys, "executable", "/bin/false")
    report = validate_sync(upload(models.affine().SerializeToString()))
    assert codes(report) == ["not-examined"]
    assert not report.accepted


async def examiner(task):
    """The examining process of a validation under way."""
    while not (found := examiners()):
        assert not task.done()
        await asyncio.sleep(0)
    return found[0]


async def test_cancelling_ends_the_process(upload):
    task = asyncio.ensure_future(validate(upload(ENDLESS.data())))
    process = await examiner(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    psutil.wait_procs([process], timeout=20)
    assert not process.is_running()


async def test_a_killed_examination_becomes_a_finding(upload):
    task = asyncio.ensure_future(validate(upload(ENDLESS.data())))
    (await examiner(task)).kill()
    report = await task
    assert not report.accepted
    assert set(codes(report)) <= {"too-slow", "crashed", "not-examined"}


@pytest.mark.parametrize(
    ("said", "complaint", "status", "code"),
    [
        (b"", b"ImportError", 1, "not-examined"),
        (b"nonsense\n", b"", 0, "not-examined"),
        (b'{"next":"", "admin": true}\n', b"", 0, "not-examined"),
        (b'{"next":"run"}\n', b"", -signal.SIGSEGV, "crashed"),
        (b'{"next":"check"}\n{"next":', b"", -signal.SIGABRT, "crashed"),
        (b'{"next":"parse"}\n', b"Traceback\nMemoryError", 1, "out-of-memory"),
        (b'{"next":"run"}\n', b"terminate called ... std::bad_alloc", -signal.SIGABRT, "out-of-memory"),
        (b'{"next":"run"}\n', b"", -signal.SIGXCPU, "too-slow"),
        (b'{"next":"run"}\n', b"", -signal.SIGKILL, "too-slow"),
    ],
)
def test_every_early_end_is_a_finding(said, complaint, status, code):
    outcome = runner._conclude(said, complaint, status, LIMITS)
    assert [finding.code for finding in outcome.findings] == [code]
    assert outcome.refused


@pytest.mark.parametrize(
    ("complaint", "status", "code"),
    [(b"MemoryError", 1, "out-of-memory"), (b"", -signal.SIGXCPU, "too-slow"), (b"Traceback", 1, "crashed")],
)
def test_an_end_while_planning_rules_out_one_mode_alone(complaint, status, code):
    outcome = runner._conclude(b'{"next":"reproduce"}\n', complaint, status, LIMITS)
    (finding,) = outcome.findings
    assert (finding.level, finding.code, finding.modes_ruled_out) == ("warning", code, ("refereed",))
    assert not outcome.refused


def test_what_the_process_says_is_read_only_up_to_a_limit(upload, monkeypatch):
    flood = f"import sys\nwhile True: sys.stdout.buffer.write(b'x' * {MAX_REPORT})"
    real = subprocess.Popen

    def flooding(argv, **options):
        return real([sys.executable, "-c", flood], **options)

    monkeypatch.setattr(runner.subprocess, "Popen", flooding)
    report = validate_sync(upload(b"x"))
    assert codes(report) == ["not-examined"]


def test_findings_are_counted_beyond_the_number_shown(upload):
    nodes = [models.helper.make_node("Exec", [f"h{i}"], [f"h{i + 1}"]) for i in range(MAX_FINDINGS + 50)]
    model = models.graph(nodes, [models.value("h0")], [models.value(f"h{len(nodes)}")])
    report = validate_sync(upload(model.SerializeToString()))
    assert len(report.findings) == MAX_FINDINGS + 1
    assert (report.findings[-1].code, report.findings[-1].got) == ("more", "50")


PROBE = """
import os, resource, sys
from inference.validation.outcome import Limits
from inference.validation.worker import restrict
restrict(Limits())
def refused(action):
    try: action()
    except (OSError, MemoryError): return True
    return False
print(refused(lambda: open({path!r}, "wb", buffering=0).write(b"x")),
      refused(lambda: [os.open("/dev/null", 0) for _ in range(100)]),
      refused(lambda: bytearray(8 * 2**30)),
      sorted(os.environ))
"""


def test_the_process_can_write_no_file_nor_take_much_memory_and_sees_no_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("STRIPE_SECRET_KEY", "must not be seen")
    script = PROBE.format(path=str(tmp_path / "written"))
    said = subprocess.run(
        [sys.executable, "-c", script], env=runner.ENVIRONMENT, check=True, capture_output=True, text=True
    ).stdout.strip()
    shown = [name for name in runner.ENVIRONMENT if name != "LC_CTYPE"]
    assert said.startswith("True True True")
    assert "STRIPE" not in said
    assert all(name in said for name in shown)


def test_a_path_that_is_not_a_regular_file_is_refused_without_waiting(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(Refused):
        validate_sync(pipe)
    link = tmp_path / "link"
    link.symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic"):
        validate_sync(link)


def test_an_outcome_survives_the_pipe():
    outcome = Outcome(next="run", operators={"Add": 3})
    assert msgspec.json.decode(msgspec.json.encode(outcome), type=Outcome) == outcome
