"""Killed (-9) at any line of journal or signer, a node never gives two answers to one request, and loses none."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from assay.verify import Trust, verify

SCRIPT = Path(__file__).with_name("killed_anywhere.py")
MEMORY = Path("/dev/shm")  # a kill is not a power cut: what the kernel has is kept, and no disk need be waited for


def test_killed_at_any_line_and_asked_again_it_says_the_same():
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        run = subprocess.run([sys.executable, SCRIPT, folder], check=True, stdout=subprocess.PIPE, text=True)
    pairs = [json.loads(line) for line in run.stdout.splitlines()]
    assert [pair["status"] for pair in pairs] == [-signal.SIGKILL] * (len(pairs) - 1) + [0]
    assert len(pairs) > 80, "the journal and the signer have more lines than this"
    for pair in pairs:
        before, after = dict(pair["left"]), dict(pair["then"])
        assert len(after) == 4, pair["line"]
        assert before.items() <= after.items(), f"killed at line {pair['line']}, it said something else afterwards"
    assert {len(pair["left"]) for pair in pairs} == {0, 2, 4}, "it was killed before, between and after batches"
    assert all(verify(bytes.fromhex(each), Trust()).valid for each in dict(pairs[-1]["left"]).values())
