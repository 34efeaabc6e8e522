"""The examining process: `python -m inference.validation.worker LIMITS`, an upload on standard input.

It limits itself before it reads a byte, examines in stages, and after each writes an Outcome as one line of JSON.
It may crash, hang or be taken over by what it reads; runner.py counts on nothing but the lines.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator

import msgspec
from msgspec.structs import asdict, replace

from assay.modelfile.examining import check, read
from assay.modelfile.report import Facts
from assay.modelfile.reproducing import reproduce
from inference.validation.dryrun import dry_run
from inference.validation.outcome import Limits, Outcome, Stage


def main() -> None:
    limits = msgspec.json.decode(sys.argv[1], type=Limits)
    restrict(limits)
    say(Outcome(next="parse"))
    for outcome in examine(sys.stdin.buffer.read(limits.file_bytes), limits):
        say(outcome)
    os._exit(0)  # nothing to tidy up, and onnxruntime's destructors have nothing to add


def restrict(limits: Limits) -> None:
    """Memory, processor time; no files written, few opened, no processes started, no core dump."""
    for what, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def say(outcome: Outcome) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
    sys.stdout.buffer.flush()


def examine(data: bytes, limits: Limits) -> Iterator[Outcome]:
    """What is known after each stage; an error is the end."""
    model, facts = read(data, limits)
    yield _outcome("check", facts)
    if model is None or facts.refused:
        return
    facts = check(model, facts, limits)
    yield _outcome("run", facts)
    if facts.refused:
        return
    outputs, found = dry_run(data, facts.ports)
    facts = replace(facts, ports=outputs, findings=(*facts.findings, *found))
    yield _outcome("reproduce", facts)
    if facts.refused:
        return
    yield _outcome("", reproduce(model, facts))


def _outcome(following: Stage, facts: Facts) -> Outcome:
    return Outcome(next="" if facts.refused else following, **asdict(facts.shortened()))


if __name__ == "__main__":
    main()
