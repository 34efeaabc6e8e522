"""A group: who its members are, what they answer, and how their votes become one answer.

The digest of a group's first configuration, its genesis, is its name to whoever pins it. Each configuration is
signed by all of its own members, which proves that they hold their keys and consent; a later one is approved, on
top of that, by 2f + 1 members of the one before.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from assay import cbor
from assay.agreement.aggregate import aggregator
from assay.digest import SIZE, Tag, digest
from assay.errors import AssayError, NotVerified, Refused
from assay.fields import Key, Signature, plain
from assay.keys import PublicKey
from assay.model import Digest, ModelReference, Port, Text

FORMAT: Literal["assay-group/1"] = "assay-group/1"
SIZES = (4, 7, 10, 13, 16)  # N = 3f + 1
NO_PREVIOUS = bytes(SIZE)  # of a genesis
MAX_SCALE = 10**9

Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}\Z")]
Address = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{3,300}\Z")]
Scale = Annotated[int, msgspec.Meta(ge=1, le=MAX_SCALE)]
Span = Annotated[int, msgspec.Meta(ge=1, le=24 * 3600 * 1000)]  # ms


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One owner's node and the model that it begins with."""

    owner: Slug
    key: Key
    address: Address
    model: ModelReference


class Labels(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="labels"):
    """A vote is for one of these, by its number."""

    labels: Annotated[tuple[Text, ...], msgspec.Meta(min_length=2, max_length=10_000)]


class Values(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="values"):
    """A vote is a number times `scale`, rounded to an integer (half to even)."""

    scale: Scale


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group during one epoch."""

    format: Literal["assay-group/1"]
    slug: Slug
    epoch: Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
    previous: Digest  # of the configuration before; NO_PREVIOUS in a genesis
    members: Annotated[tuple[Member, ...], msgspec.Meta(min_length=SIZES[0], max_length=SIZES[-1])]
    inputs: Annotated[tuple[Port, ...], msgspec.Meta(min_length=1, max_length=16)]
    answer: Labels | Values
    aggregator: Annotated[str, msgspec.Meta(max_length=64)]
    grace: Span  # ms that a member waits for the slower ones once it has 2f + 1 answers
    horizon: Span  # ms ahead that a deadline may lie

    @property
    def n(self) -> int:
        return len(self.members)

    @property
    def f(self) -> int:
        """How many may lie or fail."""
        return (self.n - 1) // 3

    @property
    def quorum(self) -> int:
        """2f + 1: any two such sets share an honest member."""
        return 2 * self.f + 1

    @property
    def digest(self) -> bytes:
        """32 bytes; of a genesis, what `--group` pins."""
        return digest(Tag.GROUP, cbor.encode(plain(self)))

    def checked(self, pointer: str = "") -> Configuration:
        """This configuration, once it is known to be one in which a vote means something. Raises Refused."""
        if self.n not in SIZES:
            raise Refused(
                "not a size that a group can have",
                code="wrong-size",
                pointer=f"{pointer}/members",
                expected=" | ".join(map(str, SIZES)),
                got=str(self.n),
            )
        for name in ("owner", "key"):
            _require_distinct([getattr(member, name) for member in self.members], name, pointer)
        for i, member in enumerate(self.members):
            self.require_fit(member, f"{pointer}/members/{i}")
        needs = aggregator(self.aggregator)
        if isinstance(self.answer, Labels) != (needs is aggregator("plurality")):
            raise Refused(
                "this aggregator does not count that kind of vote",
                code="wrong-aggregator",
                pointer=f"{pointer}/aggregator",
                expected="plurality for labels, median or trimmed-mean for values",
                got=self.aggregator,
            )
        return self

    def require_fit(self, member: Member, pointer: str = "") -> None:
        """A member must take what the group is asked, made of pictures and rows as by the first member, and know
        the labels that it votes for. Raises Refused.
        """
        PublicKey(member.key)
        interface = member.model.interface.checked(f"{pointer}/model/interface")
        labels = self.answer.labels if isinstance(self.answer, Labels) else ()
        for name, expected, got in (
            ("inputs", self.inputs, interface.inputs),
            ("labels", labels, interface.labels),
            ("preprocessing", self.members[0].model.interface.preprocessing, interface.preprocessing),
        ):
            if expected != got:
                raise Refused(
                    f"the model's {name} are not the group's",
                    code="wrong-interface",
                    pointer=f"{pointer}/model/interface/{name}",
                    expected=str(expected)[:200],
                    got=str(got)[:200],
                )


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member's signature, the member by its place in the configuration."""

    member: Annotated[int, msgspec.Meta(ge=0, lt=SIZES[-1])]
    signature: Signature


class Epoch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A configuration with what puts it into force."""

    configuration: Configuration
    consents: Annotated[tuple[Signature, ...], msgspec.Meta(min_length=SIZES[0], max_length=SIZES[-1])]
    approvals: Annotated[tuple[Signed, ...], msgspec.Meta(max_length=SIZES[-1])]  # none for a genesis


def require_genesis(epoch: Epoch) -> Configuration:
    """The configuration, if it begins a group and every member has signed it. Raises Refused, NotVerified."""
    configuration = epoch.configuration.checked("/configuration")
    if (configuration.epoch, configuration.previous, epoch.approvals) != (0, NO_PREVIOUS, ()):
        raise NotVerified(
            "not a genesis",
            code="wrong-epoch",
            pointer="/configuration/epoch",
            expected="epoch 0, with nothing before it",
            got=f"epoch {configuration.epoch}",
        )
    if len(epoch.consents) != configuration.n:
        raise NotVerified(
            "not every member has signed",
            code="wrong-quorum",
            pointer="/consents",
            expected=str(configuration.n),
            got=str(len(epoch.consents)),
        )
    for i, (member, signature) in enumerate(zip(configuration.members, epoch.consents, strict=True)):
        try:
            PublicKey(member.key).verify(Tag.GROUP, configuration.digest, signature)
        except AssayError as error:
            raise error.under(f"/consents/{i}") from error
    return configuration


def _require_distinct(values: list[object], name: str, pointer: str) -> None:
    if len(set(values)) != len(values):
        raise Refused(
            f"two members have the same {name}",
            code="same-member",
            pointer=f"{pointer}/members",
            expected=f"members of different owners, each with a {name} of its own",
            got=f"{len(values)} members, {len(set(values))} {name}s",
        )
