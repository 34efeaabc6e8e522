"""Runs the examination of an upload in a process of its own and turns whatever becomes of it into a report.

The process gets the open file, an empty environment and limits; it answers with lines on a pipe of which at most
MAX_REPORT bytes are read. It runs as its own process group, which is killed at the end in any case. What it says
is parsed strictly: it may have been taken over by what it examines. File size and digest are found out here.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import logging
import os
import selectors
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

import assay
import inference
from assay.errors import Refused
from assay.modelfile.report import REFEREED, Facts, Finding, Report, finding
from inference.validation.outcome import LIMITS, MAX_REPORT, Limits, Outcome, Stage

MAX_COMPLAINT = 4096  # of the process's standard error kept for the log, bytes
OUT_OF_MEMORY = (b"MemoryError", b"bad_alloc", b"bad allocation", b"Cannot allocate memory")

DOING: dict[Stage, str] = {
    "parse": "parsing the file",
    "check": "checking the graph",
    "run": "running the model",
    "reproduce": "planning the model's run by reproducible operators",
}
NOT_EXAMINED = finding(
    "not-examined", "the file could not be examined", hint="this is not the file's fault; try again later"
)
PACKAGES = dict.fromkeys(str(Path(package.__path__[0]).parent) for package in (inference, assay))
ENVIRONMENT = {
    "PYTHONPATH": ":".join(PACKAGES),
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}

log = logging.getLogger(__name__)


async def validate(path: Path, limits: Limits = LIMITS) -> Report:
    """Examine the file at `path`. Whatever the bytes are, the answer is a report; only a path that is not a
    readable regular file raises (OSError, Refused). Cancelling ends the examination.
    """
    examination = Examination(limits)
    try:
        return await asyncio.to_thread(examination.report, path)
    except asyncio.CancelledError:
        examination.cancel()
        raise


def validate_sync(path: Path, limits: Limits = LIMITS) -> Report:
    """The same for callers without an event loop."""
    return Examination(limits).report(path)


class Examination:
    """One run of the examining process."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled = False

    def cancel(self) -> None:
        """End it from another thread; its report then says that it was not finished."""
        self._cancelled = True
        self._kill()

    def report(self, path: Path) -> Report:
        with _open(path) as file:
            size = os.fstat(file.fileno()).st_size
            digest = hashlib.file_digest(file, "sha256").digest()
            if size > self.limits.file_bytes:
                return Report(digest=digest, size=size, findings=(_too_large(size, self.limits),))
            file.seek(0)
            outcome = self._run(file)
        facts = {name: getattr(outcome, name) for name in Facts.__struct_fields__}
        return Report(digest=digest, size=size, **facts)

    def _run(self, file: io.BufferedReader) -> Outcome:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-s", "-B", "-m", "inference.validation.worker", *_arguments(self.limits)],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
        with self._process:
            try:
                said, complaint = self._listen(self._process, time.monotonic() + self.limits.wall_s)
            finally:
                self._kill()
        return _conclude(said, complaint, self._process.returncode, self.limits)

    def _listen(self, process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes]:
        """What the process says until it has no more to say or has taken too long or said too much."""
        assert process.stdout is not None
        assert process.stderr is not None
        said, complaint = bytearray(), bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ, said)
            selector.register(process.stderr, selectors.EVENT_READ, complaint)
            while selector.get_map() and not self._cancelled and len(said) <= MAX_REPORT:
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    break
                for key, _ in ready:
                    chunk = os.read(key.fd, 65536)
                    key.data.extend(chunk)
                    if not chunk:
                        selector.unregister(key.fileobj)
                del complaint[:-MAX_COMPLAINT]
        return bytes(said), bytes(complaint)

    def _kill(self) -> None:
        """End the whole process group; before it is reaped, so that its number is still its own."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _conclude(said: bytes, complaint: bytes, status: int, limits: Limits) -> Outcome:
    """The last thing the process said, with a finding if it did not come to its end."""
    lines = said.split(b"\n")[:-1]
    try:
        outcome = msgspec.json.decode(lines[-1], type=Outcome) if lines else None
    except msgspec.DecodeError:
        outcome = None
    if outcome is not None and not outcome.next:
        return outcome
    log.warning("an examination ended early, status %d: %s", status, complaint.decode(errors="replace"))
    if outcome is None:
        return Outcome(next="", findings=(NOT_EXAMINED,))
    early = _early(outcome.next, complaint, status, limits)
    return msgspec.structs.replace(outcome, findings=(*outcome.findings, early))


def _early(stage: Stage, complaint: bytes, status: int, limits: Limits) -> Finding:
    """Why it ended in this stage: the last one decides only in which modes the file is served."""
    doing = DOING[stage]
    why: Callable[..., Finding] = finding
    if stage == "reproduce":
        why = partial(finding, level="warning", modes_ruled_out=(REFEREED,))
    if any(word in complaint for word in OUT_OF_MEMORY):
        return why(
            "out-of-memory", f"{doing} took too much memory", expected=f"at most {limits.memory_bytes} bytes"
        )
    if status in (-signal.SIGKILL, -signal.SIGXCPU):
        return why("too-slow", f"{doing} took too long", expected=f"at most {limits.cpu_s} s of processor time")
    return why("crashed", f"{doing} crashed the validator", got=_status(status))


def _status(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"


def _too_large(size: int, limits: Limits) -> Finding:
    return finding(
        "too-large", "the file is too large", expected=f"at most {limits.file_bytes} bytes", got=str(size)
    )


def _open(path: Path) -> io.BufferedReader:
    """A regular file, opened without following a link or waiting on a pipe."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Refused("not a file", pointer=str(path), expected="a regular file")
    return os.fdopen(handle, "rb")


def _arguments(limits: Limits) -> list[str]:
    return [msgspec.json.encode(limits).decode()]
