"""What a client is told of an entry: the outcomes of its own requests, and what proves them."""

from __future__ import annotations

from collections.abc import Sequence

from assay.agreement.group import Configuration
from assay.agreement.votes import Answered
from assay.model import ModelReference
from consensus.durable import Standing
from consensus.messages import Decided, Record


def decided(record: Record, leaves: tuple[bytes, ...]) -> list[tuple[bytes, Decided]]:
    """By client, in the order of its first outcome; `leaves` are the record's."""
    places: dict[bytes, list[int]] = {}
    for index, asked in enumerate(record.asked):
        places.setdefault(asked.client, []).append(index)
    return [(client, _told(record, leaves, indexes)) for client, indexes in places.items()]


def again(record: Record, index: int) -> Decided:
    """The same for one outcome."""
    return _told(record, record.leaves, [index])


def voting(configuration: Configuration, standing: Standing, record: Record) -> tuple[ModelReference, ...]:
    """The models that answered in an entry and are not of the genesis; `standing` is its parent's."""
    known: dict[bytes, ModelReference] = {}
    for serving in standing.serving:
        if serving.serial:
            known[serving.commitment] = serving.model
            known |= {old.commitment: old.model for old in serving.retired}
    if not known:
        return ()
    used = answering(record)
    first = {member.model.commitment for member in configuration.members}
    return tuple(model for commitment, model in known.items() if commitment in used and commitment not in first)


def answering(record: Record) -> set[bytes]:
    """The commitments of the models that answered in an entry."""
    return {said.model for ended in record.ended for said in ended.said if isinstance(said, Answered)}


def _told(record: Record, leaves: tuple[bytes, ...], indexes: Sequence[int]) -> Decided:
    return Decided(
        entry=record.entry,
        view=record.view,
        installed=record.installed,
        commits=record.commits,
        leaves=leaves,
        ended=tuple((index, record.ended[index]) for index in indexes),
        models=record.models,
    )
