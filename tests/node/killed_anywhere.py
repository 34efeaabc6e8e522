"""Signs in processes that are killed at every line of the journal and the signer in turn: `python … FOLDER`.

A child opens a journal, signs two batches, lets each certificate leave through a pipe, and is killed (-9) at
one line; the next child asks for the same again. Prints one JSON line per pair: what either had let go.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "sdk")]

import numpy as np  # noqa: E402

from assay.direct import statement  # noqa: E402
from assay.keys import PrivateKey  # noqa: E402
from assay.tensor import Tensor  # noqa: E402
from node.journal import Journal  # noqa: E402
from node.signer import seal  # noqa: E402
from tests.lines import at_line  # noqa: E402
from tests.node.worlds import REFERENCE, TARGET  # noqa: E402
from wire.deadline import now_ms  # noqa: E402

WATCHED = {str(ROOT / "node" / "journal.py"), str(ROOT / "node" / "signer.py")}
KEY = PrivateKey(bytes(32))


def killing_at(line: int) -> Callable[..., object]:
    """A trace function that ends this process at the `line`-th line of the watched files that is about to run."""
    return at_line(line, WATCHED, lambda: os.kill(os.getpid(), signal.SIGKILL))


def requests(batch: int) -> list[bytes]:
    """The same ids in every child, as a marketplace asks again after a node has died."""
    return [(7 << 76 | 2 << 62 | batch << 8 | i).to_bytes(16, "big") for i in range(2)]


def sign(path: Path, out: int) -> None:
    journal = Journal(path)
    for batch in range(2):
        for request in requests(batch):
            journal.require_recent(request)
        wanted = [each for each in requests(batch) if journal.answer(each) is None]
        stated = [
            statement(
                each,
                target=TARGET,
                model=REFERENCE,
                input_digest=os.urandom(32),  # another answer in every child, were it signed again
                outputs=(Tensor.of("y", np.zeros((1, 4), "f4")),),
                time_ms=now_ms(),
            )
            for each in wanted
        ]
        sealed = seal(KEY, journal, [(each, bytes(32)) for each in stated]) if stated else []
        signed = dict(zip(wanted, sealed, strict=True))
        for each in requests(batch):
            certificate = signed[each] if each in signed else journal.answer(each).certificate
            os.write(out, json.dumps([each.hex(), certificate.hex()]).encode() + b"\n")
    journal.close()


def child(path: Path, line: int) -> tuple[int, list[list[str]]]:
    """How a child that is killed at `line` ended, and what it had let go."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        sys.settrace(killing_at(line))
        sign(path, writing)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        said = [json.loads(each) for each in stream if each.endswith("\n")]
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), said


def main(folder: Path) -> None:
    """For every line a journal of its own: one child is killed there, the next one lives."""
    line, status = 0, -signal.SIGKILL
    while status != 0:
        path = folder / f"journal-{line}"
        status, left = child(path, line)
        _, left_by_the_next = child(path, sys.maxsize)
        print(json.dumps({"line": line, "status": status, "left": left, "then": left_by_the_next}))
        line += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
