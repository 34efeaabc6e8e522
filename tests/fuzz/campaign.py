"""Fuzzes the decoders, led by what their code covers: `make fuzz` (SECONDS=20 for each, ONLY=name).

Each runs in a process of its own with bounded memory and time for one document; what breaks it is kept in a file.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

MEMORY = 1024  # MiB that a process may take
SLOW = 10  # seconds that one document may take
LONGEST = 16_384  # bytes of a document
SEEDS = 30  # documents to begin with
OURS = ["assay", "consensus", "node", "wire"]
BROKEN = "broken"  # a decoder that shows that one that breaks is found
EXECUTED = re.compile(rb"Done (\d+) runs in (\d+) second")


def _broken(document: bytes) -> None:
    if document[:1] == b"\x83" and document[1:2] == b"a" and document[2:3] == b"b":
        raise KeyError("nobody expected this")


def work(name: str, options: list[str]) -> None:
    """One decoder, in this process, until its time is over."""
    import atheris

    if name == BROKEN:
        atheris.Setup([sys.argv[0], *options], atheris.instrument_func(_broken))
    else:
        with atheris.instrument_imports(include=OURS):
            from tests.fuzz.decoders import DECODERS
        atheris.Setup([sys.argv[0], *options], DECODERS[name])
    atheris.Fuzz()


def seeds_of(name: str) -> list[bytes]:
    """Short ones: the longer a document, the fewer can be tried."""
    if name == BROKEN:
        return []
    from tests.fuzz.decoders import DECODERS

    return sorted((each for each in DECODERS[name].seeds() if len(each) <= LONGEST), key=len)[:SEEDS]


def run(name: str, seconds: int, found: Path) -> bool:
    """Whether nothing was found."""
    with tempfile.TemporaryDirectory() as corpus:
        for i, seed in enumerate(seeds_of(name)):
            Path(corpus, str(i)).write_bytes(seed)
        options = [
            *(f"-max_total_time={seconds}", f"-rss_limit_mb={MEMORY}", f"-timeout={SLOW}", f"-max_len={LONGEST}"),
            *(f"-artifact_prefix={found}/{name}-", corpus),
        ]
        command = [sys.executable, "-m", "tests.fuzz.campaign", "--work", name, "--", *options]
        ran = subprocess.run(command, capture_output=True, check=False)
    executed = EXECUTED.search(ran.stderr)
    if ran.returncode == 0 and executed:
        print(f"{name:<16} {int(executed[1]):>12,} documents in {int(executed[2])} s", flush=True)
        return True
    kept = sorted(found.glob(f"{name}-*"), key=lambda path: path.stat().st_mtime)
    print(f"{name:<16} broken by {kept[-1] if kept else 'nothing that was kept'}", flush=True)
    print(ran.stderr.decode(errors="replace")[-4000:], file=sys.stderr)
    return False


def _named(only: str) -> list[str]:
    from tests.fuzz.decoders import DECODERS

    if only and only not in DECODERS:
        print(f"fuzz: no decoder {only}; there are {', '.join(DECODERS)}", file=sys.stderr)
        sys.exit(2)
    return [only] if only else list(DECODERS)


def main() -> int:
    """0 when nothing was found, 1 when something was, 2 where it cannot run."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--only", default="")
    parser.add_argument("--found", type=Path, default=Path("var/fuzz"))
    parser.add_argument("--work", default="")
    parser.add_argument("options", nargs="*")
    given = parser.parse_args()
    if given.seconds < 1:
        parser.error("argument --seconds: expected 1 at least")
    try:
        import atheris  # noqa: F401
    except ImportError:
        print("fuzz: atheris is missing, which has wheels for Linux on x86-64 only: make setup", file=sys.stderr)
        return 2
    if given.work:
        work(given.work, given.options)
    names = [given.only] if given.only == BROKEN else _named(given.only)
    given.found.mkdir(parents=True, exist_ok=True)
    stood = [run(name, given.seconds, given.found) for name in names]
    return int(not all(stood))


if __name__ == "__main__":
    sys.exit(main())
