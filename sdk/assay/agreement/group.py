"""A group: who its members are, what they answer, and how their votes become one answer.

The digest of a group's first configuration, its genesis, is its name to whoever pins it. Each configuration is
signed by all of its own members, which proves that they hold their keys and consent; a later one is approved, on
top of that, by 2f + 1 members of the one before (`assay.agreement.chain`).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from assay import cbor
from assay.agreement.aggregate import aggregator
from assay.digest import SIZE, Tag, digest
from assay.errors import AssayError, NotVerified, Refused
from assay.fields import Index, Key, Number, Signature, plain
from assay.keys import PublicKey
from assay.memo import remembered
from assay.model import ANY, Digest, Interface, ModelReference, Port, Text

FORMAT: Literal["assay-group/1"] = "assay-group/1"
SIZES = (4, 7, 10, 13, 16)  # N = 3f + 1
NO_PREVIOUS = bytes(SIZE)  # of a genesis
MAX_SCALE = 10**9
MAX_EPOCHS = 64  # that a group may have; all of them travel in each certificate

Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}\Z")]
Address = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{3,300}\Z")]
Scale = Annotated[int, msgspec.Meta(ge=1, le=MAX_SCALE)]
Span = Annotated[int, msgspec.Meta(ge=1, le=24 * 3600 * 1000)]  # ms
Place = Annotated[int, msgspec.Meta(ge=0, lt=SIZES[-1])]  # of a member in its configuration


# what a group answers with, one value for each row
LABEL, VALUE = Port("label", "INT64", (ANY,)), Port("value", "FP64", (ANY,))
DECIDED = Port("decided", "BOOL", (ANY,))  # where not, the row is contested and the answer beside it means nothing
FIRM = Port("firm", "BOOL", (ANY,))  # whatever absent members had voted, the answer would be the same


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
    epoch: Index
    previous: Digest  # of the configuration before; NO_PREVIOUS in a genesis
    members: Annotated[tuple[Member, ...], msgspec.Meta(min_length=SIZES[0], max_length=SIZES[-1])]
    inputs: Annotated[tuple[Port, ...], msgspec.Meta(min_length=1, max_length=16)]
    answer: Labels | Values
    aggregator: Annotated[str, msgspec.Meta(max_length=64)]
    grace: Span  # ms that a member waits for the slower ones once it has 2f + 1 answers
    horizon: Span  # ms ahead that a deadline may lie
    copy_resistant: bool  # members commit to their answers before any is shown (`assay.agreement.sealing`)

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
    def interface(self) -> Interface:
        """What the group is sent, and for each row: the answer, whether there is one, whether it is firm."""
        labelled = isinstance(self.answer, Labels)
        return Interface(
            task="classification" if labelled else "regression",
            inputs=self.inputs,
            outputs=(LABEL if labelled else VALUE, DECIDED, FIRM),
            labels=self.answer.labels if isinstance(self.answer, Labels) else (),
            preprocessing=self.members[0].model.interface.preprocessing,
        )

    @property
    def digest(self) -> bytes:
        """32 bytes; of a genesis, what `--group` pins."""
        return _digest(self)

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
        self.require_counted(pointer)
        return self

    def require_counted(self, pointer: str = "") -> None:
        """The aggregator must be one that counts what members vote for. Raises Refused."""
        if isinstance(self.answer, Labels) != (aggregator(self.aggregator) is aggregator("plurality")):
            raise Refused(
                "this aggregator does not count that kind of vote",
                code="wrong-aggregator",
                pointer=f"{pointer}/aggregator",
                expected="plurality for labels, median or trimmed-mean for values",
                got=self.aggregator,
            )

    def require_fit(self, member: Member, pointer: str = "") -> None:
        """A member must have a key, and a model with which it can vote. Raises Refused."""
        PublicKey(member.key)
        self.require_fitting(member.model, f"{pointer}/model")

    def require_fitting(self, model: ModelReference, pointer: str = "") -> None:
        """A model must take what the group is asked, made of pictures and rows as for the first member's, and
        answer with the labels or numbers that are voted for. Raises Refused.
        """
        given, wanted = model.interface.checked(f"{pointer}/interface"), self.interface
        for name in ("task", "inputs", "labels", "preprocessing"):
            expected, got = getattr(wanted, name), getattr(given, name)
            if expected != got:
                raise Refused(
                    f"the model's {name} must be the group's",
                    code="wrong-interface",
                    pointer=f"{pointer}/interface/{name}",
                    expected=str(expected)[:200],
                    got=str(got)[:200],
                )


@remembered
def _digest(configuration: Configuration) -> bytes:
    return digest(Tag.GROUP, cbor.encode(plain(configuration)))


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member's signature, the member by its place in the configuration."""

    member: Place
    signature: Signature


class Approved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member's word that the epoch before has ended, and which configuration follows; the member by its place in
    the configuration before.
    """

    member: Place
    last: Number  # the last entry of the epoch before
    entry: Digest  # of that entry
    signature: Signature

    @staticmethod
    def signed(group: bytes, configuration: bytes, last: int, entry: bytes) -> bytes:
        """The digest that the member signs under Tag.GROUP_APPROVAL; `group`: the genesis digest."""
        content: dict[str, cbor.Value] = {
            "group": group,
            "configuration": configuration,
            "last": last,
            "entry": entry,
        }
        return digest(Tag.GROUP_APPROVAL, cbor.encode(content))


class Epoch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A configuration with what puts it into force."""

    configuration: Configuration
    consents: Annotated[tuple[Signature, ...], msgspec.Meta(min_length=SIZES[0], max_length=SIZES[-1])]
    approvals: Annotated[tuple[Approved, ...], msgspec.Meta(max_length=SIZES[-1])]  # none for a genesis

    @property
    def last(self) -> int:
        """Number of the last entry before this epoch; 0 where it is the first."""
        return self.approvals[0].last if self.approvals else 0


Epochs = Annotated[tuple[Epoch, ...], msgspec.Meta(min_length=1, max_length=MAX_EPOCHS)]  # genesis first


def require_genesis(epoch: Epoch) -> Configuration:
    """The configuration, if it begins a group and every member has signed it. Raises Refused, NotVerified."""
    _genesis(epoch)
    return epoch.configuration


@remembered
def _genesis(epoch: Epoch) -> bytes:
    """Its digest, if it is one: the same bytes need be found right but once."""
    configuration = epoch.configuration.checked("/configuration")
    if (configuration.epoch, configuration.previous, epoch.approvals) != (0, NO_PREVIOUS, ()):
        raise NotVerified(
            "not a genesis",
            code="wrong-epoch",
            pointer="/configuration/epoch",
            expected="epoch 0, with nothing before it",
            got=f"epoch {configuration.epoch}",
        )
    require_consents(epoch)
    return configuration.digest


def require_consents(epoch: Epoch) -> None:
    """Every member of the configuration has signed it, with its key there. Raises NotVerified."""
    configuration = epoch.configuration
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


def _require_distinct(values: list[object], name: str, pointer: str) -> None:
    if len(set(values)) != len(values):
        raise Refused(
            f"two members have the same {name}",
            code="same-member",
            pointer=f"{pointer}/members",
            expected=f"members of different owners, each with a {name} of its own",
            got=f"{len(values)} members, {len(set(values))} {name}s",
        )
