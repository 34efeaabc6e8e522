"""What all processes of one group under fire agree on: who its members are, where, and how long they keep things.

Keys follow from places: whoever runs this knows them all, which is why it is of use for tests alone.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from assay.agreement.group import FORMAT, NO_PREVIOUS, Configuration, Epoch, Labels, Member
from assay.digest import Tag
from assay.keys import PrivateKey
from assay.model import Interface, ModelReference, NoPreprocessing, Port

LEAP = 300_000  # ms by which a clock is set ahead
LABELS = ("zero", "one", "two")
CLIENT_KEY = PrivateKey(b"\x0c" * 32)
INPUTS = (Port(name="image", datatype="FP32", shape=(-1, 4)),)
INTERFACE = Interface(
    "classification", INPUTS, (Port(name="label", datatype="INT64", shape=(-1,)),), LABELS, NoPreprocessing()
)


class Plan(msgspec.Struct, frozen=True):
    """`folder` holds the members' logs; `ports` are where they listen; `dials[i][j]` is where i finds j."""

    folder: str
    ports: tuple[int, ...]
    dials: tuple[tuple[int, ...], ...]
    grace: int = 200  # ms
    horizon: int = 600_000  # ms
    retain: int = 3_600_000  # ms
    copy_resistant: bool = False

    @property
    def n(self) -> int:
        return len(self.ports)

    @property
    def epoch(self) -> Epoch:
        keys = [key(place) for place in range(self.n)]
        members = tuple(
            Member(f"owner-{place}", each.public.raw, f"owner-{place}.example:7000", model(place))
            for place, each in enumerate(keys)
        )
        configuration = Configuration(
            format=FORMAT,
            slug="fire",
            epoch=0,
            previous=NO_PREVIOUS,
            members=members,
            inputs=INPUTS,
            answer=Labels(LABELS),
            aggregator="plurality",
            grace=self.grace,
            horizon=self.horizon,
            copy_resistant=self.copy_resistant,
        )
        return Epoch(configuration, tuple(each.sign(Tag.GROUP, configuration.digest) for each in keys), ())

    def log(self, place: int) -> Path:
        return Path(self.folder) / f"log-{place}"

    def address(self, source: int, where: str) -> str:
        """To be dialled by `source` for the member that the configuration has at `where`."""
        place = int(where.removeprefix("owner-").partition(".")[0])
        return f"127.0.0.1:{self.dials[source][place]}"


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What a member says of itself after each write that is safely on its disk: a line on its standard output.

    `view`: the last that has begun for it. `salt` and `end`: of its journal, up to where it is acknowledged.
    """

    entries: int
    view: int
    salt: str
    end: int


def key(place: int) -> PrivateKey:
    return PrivateKey(bytes([place + 1]) * 32)


def model(place: int) -> ModelReference:
    return ModelReference(bytes([place + 1]) * 32, INTERFACE)


def label(place: int, n: int, number: int) -> int:
    """What a member's model says of an input; the last member's is wrong about every third."""
    return (number + (place == n - 1 and number % 3 == 0)) % 3
