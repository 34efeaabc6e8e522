"""How an owner joins a group: the node's key signs the group's first configuration, once that is known to fit.

What is signed is the configuration's digest, the genesis by which buyers pin the group. Nothing is signed that is
not a configuration in which a vote means something, or in which the key has no place. A later one is signed alike:
by all of its members, and by present ones, who may be about to leave.
"""

from __future__ import annotations

from assay import cbor, jsonform
from assay.agreement.group import NO_PREVIOUS, Configuration, Member
from assay.digest import Tag
from assay.errors import Refused
from assay.fields import plain
from assay.keys import PrivateKey, PublicKey

MAX_BYTES = 8 * 1024 * 1024  # of a configuration


def encoded(configuration: Configuration) -> bytes:
    """Its canonical CBOR, which `proposed` reads back."""
    return cbor.encode(plain(configuration))


def read(document: bytes) -> Configuration:
    """A configuration, of whichever epoch, from its canonical CBOR. Raises Refused for anything else."""
    if len(document) > MAX_BYTES:
        raise Refused(
            "no configuration is so large", expected=f"at most {MAX_BYTES} bytes", got=str(len(document))
        )
    configuration: Configuration = jsonform.convert(cbor.decode(document), Configuration)
    return configuration.checked()


def proposed(document: bytes) -> Configuration:
    """A genesis to consent to, from its canonical CBOR. Raises Refused for anything else."""
    configuration = read(document)
    if (configuration.epoch, configuration.previous) != (0, NO_PREVIOUS):
        raise Refused(
            "not a genesis",
            code="wrong-epoch",
            pointer="/epoch",
            expected="epoch 0, with nothing before it",
            got=f"epoch {configuration.epoch}",
        )
    return configuration


def place_of(key: PublicKey, configuration: Configuration) -> int:
    """The number of the member with this key. Raises Refused where none has it."""
    for i, member in enumerate(configuration.members):
        if member.key == key.raw:
            return i
    raise Refused(
        "no member of the group has this key",
        code="unknown-key",
        pointer="/members",
        expected=" | ".join(str(PublicKey(member.key)) for member in configuration.members),
        got=str(key),
        hint="A key that was replaced since the model was chosen: leave the group and join it again.",
    )


def consent(key: PrivateKey, configuration: Configuration) -> bytes:
    """The key's signature, 64 bytes, under a genesis that it is a member of. Raises Refused."""
    place_of(key.public, configuration.checked())
    return key.sign(Tag.GROUP, configuration.digest)


def word(key: PrivateKey, before: Configuration, after: Configuration) -> bytes:
    """The key's signature, 64 bytes, under what is to follow the configuration `before`: as a member of either, or
    of both. Raises Refused where it is none of either.
    """
    if key.public.raw not in {member.key for member in before.members}:
        return consent(key, after)
    return key.sign(Tag.GROUP, after.checked().digest)


def check(configuration: Configuration, member: Member, signature: bytes) -> None:
    """Returns if this is the member's consent. Raises NotVerified."""
    PublicKey(member.key).verify(Tag.GROUP, configuration.digest, signature)
