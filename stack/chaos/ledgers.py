"""What the members of the demo's groups have in their logs: every entry, decoded, and what may not be in them.

A running node has its log to itself, so a copy is read; taken while nobody asks anything, it is whole.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from assay.agreement.entry import Ended
from assay.agreement.group import Configuration
from consensus.messages import Record
from node.member import LOG
from stack.chaos.questions import geneses, home
from stack.everything import Site

Name = tuple[bytes, bytes]  # a group's genesis and the id of a request


@dataclass(frozen=True)
class Outcome:
    """What became of a request: in which entry, by its digest, and what each member said."""

    entry: bytes
    ended: Ended


@dataclass(frozen=True)
class Ledgers:
    """What the groups decided, and where members contradict each other, or themselves."""

    decided: Mapping[Name, Outcome]
    broken: Sequence[str]

    @classmethod
    def read(cls, site: Site) -> Ledgers:
        """The logs of all members as they are now."""
        decided: dict[Name, Outcome] = {}
        broken: list[str] = []
        for group in geneses(site):
            logs = {member.owner: log(site, member.owner, group) for member in group.members}
            longest = max(logs.values(), key=len)
            broken += contradictions(group, logs, longest)
            for record in longest:
                for asked, ended in zip(record.asked, record.ended, strict=True):
                    decided[group.digest, asked.id] = Outcome(record.entry.digest, ended)
        return cls(decided, broken)


def log(site: Site, owner: str, group: Configuration) -> list[Record]:
    """The entries that one member has executed, in order."""
    path = home(site, owner).groups / group.digest.hex() / LOG
    with tempfile.TemporaryDirectory() as folder:
        for part in (path, path.with_name(f"{path.name}-wal")):
            if part.exists():
                shutil.copy(part, folder)
        with closing(sqlite3.connect(Path(folder) / path.name)) as copy:
            rows = copy.execute("SELECT record FROM entries ORDER BY number").fetchall()
    return [msgspec.msgpack.decode(record, type=Record) for (record,) in rows]


def contradictions(
    group: Configuration, logs: Mapping[str, Sequence[Record]], longest: Sequence[Record]
) -> Iterator[str]:
    """Each log must be a beginning of the longest, and nothing may be decided twice."""
    for owner, records in logs.items():
        for mine, theirs in zip(records, longest, strict=False):
            if mine.entry.digest != theirs.entry.digest:
                yield f"{owner} has another entry {mine.entry.number} in its log of {group.slug} than others have"
                break
    seen: set[bytes] = set()
    for record in longest:
        for asked in record.asked:
            if asked.id in seen:
                yield f"{group.slug} decided twice on {asked.id.hex()}"
            seen.add(asked.id)
