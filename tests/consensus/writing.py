"""A member's log written as fast as it goes, by a process of its own: `python writing.py PATH [fill]`.

Each line of its output is the number of an entry that is safely written. It goes on until it is killed; with
`fill`, until its file may grow no further: then nothing must change, and once it may, all must go on.
"""

from __future__ import annotations

import resource
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "sdk")]

from assay.errors import Unavailable  # noqa: E402
from consensus.storage import SqliteStorage  # noqa: E402
from tests.consensus import made, test_storage  # noqa: E402


def write_for_ever(storage: SqliteStorage) -> None:
    standing = storage.restore().standing
    number = standing.entries if standing else 0
    while True:
        number += 1
        storage.write(test_storage.made_write(number))
        print(number, flush=True)


def wrote(storage: SqliteStorage, number: int) -> bool:
    try:
        storage.write(test_storage.made_write(number))
    except Unavailable:
        return False
    return True


def fill(storage: SqliteStorage, journal: Path) -> None:
    storage.write(test_storage.made_write(1))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.stat().st_size + 100_000, hard))
    number, before = 1, storage.restore()
    while wrote(storage, number + 1):
        number, before = number + 1, storage.restore()
    for _ in range(3):
        assert storage.restore() == before
        assert not wrote(storage, number + 1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert wrote(storage, number + 1)
    print(number + 1)


def main(path: Path, *, filling: bool) -> None:
    storage = SqliteStorage(path, made.GENESIS, test_storage.ME, lambda: test_storage.NOW)
    if filling:
        fill(storage, Path(f"{path}-wal"))
    else:
        write_for_ever(storage)


if __name__ == "__main__":
    main(Path(sys.argv[1]), filling="fill" in sys.argv[2:])
