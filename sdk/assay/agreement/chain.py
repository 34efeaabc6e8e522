"""The epochs of a group, from its genesis on: each one is put into force by the members of the one before.

An epoch is believed for the approvals of 2f + 1 members of the one before, and the consent of all of its own. So
whoever pins the genesis trusts the keys of a quorum of every epoch in between, of those that have ended too. What
a group is asked, and how it answers, never changes.
"""

from __future__ import annotations

from itertools import pairwise

from assay.agreement.group import Approved, Configuration, Epoch, require_consents, require_genesis
from assay.digest import Tag
from assay.errors import AssayError, NotVerified
from assay.keys import PublicKey
from assay.memo import remembered

UNCHANGING = ("slug", "inputs", "answer", "aggregator", "copy_resistant")


def require_chain(epochs: tuple[Epoch, ...]) -> Configuration:
    """The last configuration, if each epoch follows from the one before and the first is a genesis.

    Raises Refused, NotVerified.
    """
    _chain(epochs)
    return epochs[-1].configuration


@remembered
def _chain(epochs: tuple[Epoch, ...]) -> bytes:
    """The last one's digest: the same bytes need be found right but once."""
    try:
        require_genesis(epochs[0])
    except AssayError as error:
        raise error.under("/0") from error
    group = epochs[0].configuration.digest
    for i, (before, epoch) in enumerate(pairwise(epochs), 1):
        try:
            _require_next(group, before, epoch)
        except AssayError as error:
            raise error.under(f"/{i}") from error
    return epochs[-1].configuration.digest


def _require_next(group: bytes, before: Epoch, epoch: Epoch) -> None:
    configuration = epoch.configuration.checked("/configuration")
    _require_linked(before.configuration, configuration)
    require_consents(epoch)
    require_approved(group, before.configuration, configuration, epoch.approvals)
    if epoch.last <= before.last:
        raise NotVerified(
            "an epoch ends after the one before it",
            code="wrong-epoch",
            pointer="/approvals/0/last",
            expected=f"above {before.last}",
            got=str(epoch.last),
        )


def _require_linked(before: Configuration, configuration: Configuration) -> None:
    """The next number, the digest of what comes before, and the same work."""
    _require("/epoch", before.epoch + 1, configuration.epoch)
    _require("/previous", before.digest.hex(), configuration.previous.hex())
    for name in UNCHANGING:
        _require(f"/{name}", getattr(before, name), getattr(configuration, name))
    preparing = before.interface.preprocessing, configuration.interface.preprocessing
    _require("/members/0/model/interface/preprocessing", *preparing)


def require_approved(
    group: bytes, before: Configuration, configuration: Configuration, approvals: tuple[Approved, ...]
) -> None:
    """2f + 1 different members of `before`, in their order, agree on its last entry and on what follows.

    Raises NotVerified.
    """
    members = [each.member for each in approvals]
    if members != sorted(set(members)) or not set(members) <= set(range(before.n)):
        raise _no_quorum(
            "not distinct members of the epoch before, in their order",
            f"rising numbers from 0 to {before.n - 1}",
            str(members),
        )
    if len(members) < before.quorum:
        raise _no_quorum(
            "too few members of the epoch before have approved", f"at least {before.quorum}", str(len(members))
        )
    if len({(each.last, each.entry) for each in approvals}) != 1:
        raise _no_quorum("they disagree on the last entry before", "one number, one digest", "several")
    signed = Approved.signed(group, configuration.digest, approvals[0].last, approvals[0].entry)
    for i, each in enumerate(approvals):
        try:
            PublicKey(before.members[each.member].key).verify(Tag.GROUP_APPROVAL, signed, each.signature)
        except AssayError as error:
            raise error.under(f"/approvals/{i}/signature") from error


def _no_quorum(detail: str, expected: str, got: str) -> NotVerified:
    return NotVerified(detail, code="wrong-quorum", pointer="/approvals", expected=expected, got=got)


def _require(pointer: str, expected: object, got: object) -> None:
    if expected != got:
        raise NotVerified(
            "does not follow the configuration before",
            code="wrong-epoch",
            pointer=f"/configuration{pointer}",
            expected=str(expected)[:200],
            got=str(got)[:200],
        )
