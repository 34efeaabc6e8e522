"""A request for a prediction, from JSON to a question that may be stored: the one place where it is judged.

REST and pages both come through here. What is wrong is refused with the field's JSON pointer before anything is
written.
"""

from __future__ import annotations

import base64
import datetime as dt
import secrets
from dataclasses import dataclass, field, replace
from typing import Annotated, Any
from uuid import UUID

import msgspec

from assay import jsonform
from assay.errors import AssayError, Refused, TooLarge
from assay.ids import uuid7
from assay.model import Interface
from assay.preprocessing import PNG, from_payload
from assay.tensor import Tensor
from marketplace.accounts.access import Actor
from marketplace.accounts.models import Role
from marketplace.accounts.scopes import Scope
from marketplace.billing import money, quoting
from marketplace.billing.holding import Terms
from marketplace.billing.pricing import Asked
from marketplace.catalogue.interfaces import interface_of
from marketplace.catalogue.models import ModelVersion
from marketplace.groups.models import Group
from marketplace.predictions import targets
from verification.mode import Kind
from verification.registry import MODES, mode_named

MAX_ROWS = 1000  # of one prediction
MAX_BYTES = 64 * 1024 * 1024  # of its tensors together
DEADLINE = 30.0  # seconds, unless the buyer says otherwise
LONGEST = 600.0
SALT_SIZE = 32


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be asked, a model or a group, and how it is to be verified."""

    model: (
        Annotated[str, msgspec.Meta(max_length=100, description="`owner/name` or `owner/name@version`")] | None
    ) = None
    group: (
        Annotated[str, msgspec.Meta(max_length=40, description="A group's name, instead of a model's")] | None
    ) = None
    verification: Annotated[
        dict[str, Any], msgspec.Meta(description='`{"mode": "direct"}`, with the mode\'s own parameters beside it')
    ]
    deadline: Annotated[
        float, msgspec.Meta(ge=0.1, le=LONGEST, description="Seconds after which no answer is wanted any more")
    ] = DEADLINE


class Body(Wanted, frozen=True, kw_only=True):
    """What is asked: a model or a group.

    `inputs` are tensors as in the Open Inference Protocol, {name, datatype, shape, data}, or contents, {name,
    content_type, content}: a PNG in base64, CSV as text, a table row as JSON.
    """

    inputs: Annotated[list[Any], msgspec.Meta(min_length=1, max_length=16)]
    quote: Annotated[
        UUID | None, msgspec.Meta(description="A quote's id: its prices are charged, whatever changes meanwhile")
    ] = None
    most: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=money.MOST)] | None,
        msgspec.Meta(description="Micro-units that you are willing to pay: refused if it could cost more"),
    ] = None


@dataclass(frozen=True)
class Question:
    """A request that is in order."""

    asked: ModelVersion | Group
    target: str  # as in the statement
    mode: str
    params: dict[str, Any]
    inputs: tuple[Tensor, ...]  # in the interface's order
    salt: bytes
    time: dt.timedelta  # until the deadline
    terms: Terms  # what it costs
    source: bytes | None = None  # the content that all inputs were made from
    source_type: str = ""
    id: UUID = field(default_factory=uuid7)  # of the prediction to be, so that it can be watched from the start

    @property
    def rows(self) -> int:
        return self.inputs[0].shape[0]

    @property
    def to_be_priced(self) -> Asked:
        return Asked(MODES[self.mode], self.rows, self.time.total_seconds())


def read(actor: Actor, body: Body) -> Question:
    """Judges a request. Raises Refused, TooLarge, NotFound, Forbidden, Conflict naming the field."""
    asked, target, mode, params = wanted(actor, body)
    inputs = _inputs(interface_of(asked), body.inputs)
    source, source_type = _source(body.inputs)
    terms = replace(quoting.terms(actor, body.quote, asked, mode), most=body.most)
    return Question(
        asked=asked,
        target=target,
        mode=mode,
        params=params,
        inputs=inputs,
        salt=secrets.token_bytes(SALT_SIZE),
        time=dt.timedelta(seconds=body.deadline),
        terms=terms,
        source=source,
        source_type=source_type,
    )


def wanted(actor: Actor, body: Wanted) -> tuple[ModelVersion | Group, str, str, dict[str, Any]]:
    """What is asked, its name in the statement, the mode, and the mode's parameters. Raises as `read` does."""
    actor.require_scope(Scope.PREDICT)
    actor.require_role(actor.organisation.pk, Role.BUYER, Role.OWNER)
    match body.model, body.group:
        case str(name), None:
            mode, params = _verification(body.verification, "model")
            version, target = targets.find(actor, name, mode)
            return version, target, mode, params
        case None, str(slug):
            mode, params = _verification(body.verification, "group")
            group, target = targets.find_group(slug)
            _require_within(group.horizon, body.deadline)
            _require_votes(group.size, params)
            return group, target, mode, params
    raise Refused(
        "ask either a model or a group",
        pointer="/model" if body.model is None else "/group",
        expected="one of model and group",
        got="neither" if body.model is None else "both",
    )


def _require_within(horizon: int, deadline: float) -> None:
    """That a group takes a deadline so many seconds ahead."""
    if deadline * 1000 > horizon:
        raise Refused(
            "the group takes no deadline so far ahead",
            code="out-of-range",
            pointer="/deadline",
            expected=f"at most {horizon / 1000:g} seconds",
            got=f"{deadline:g}",
        )


def _require_votes(size: int, params: dict[str, Any]) -> None:
    """That a group can give as many votes as are asked for."""
    if params.get("votes", 0) > size:
        raise Refused(
            "the group has not so many members",
            code="out-of-range",
            pointer="/verification/votes",
            expected=f"at most {size}",
            got=str(params["votes"]),
        )


def _verification(asked: dict[str, Any], kind: Kind) -> tuple[str, dict[str, Any]]:
    """The mode's name and its parameters with their defaults, as they will be stored."""
    name = asked.get("mode")
    if not isinstance(name, str):
        raise Refused("a mode is missing", pointer="/verification/mode", expected="a text", got=repr(name)[:40])
    mode = mode_named(name)
    if mode.asks != kind:
        raise Refused(
            f"this mode is not asked of a {kind}",
            code="wrong-target",
            pointer="/verification/mode",
            expected=" | ".join(each.name for each in MODES.values() if each.asks == kind) or "none: no mode is",
            got=name,
        )
    try:
        params = jsonform.convert({k: v for k, v in asked.items() if k != "mode"}, mode.Params)
    except AssayError as error:
        raise error.under("/verification") from error
    stored: dict[str, Any] = msgspec.to_builtins(params)
    return name, stored


def _inputs(interface: Interface, given: list[Any]) -> tuple[Tensor, ...]:
    tensors = from_payload(interface, given)
    rows, size = tensors[0].shape[0], sum(len(tensor.data) for tensor in tensors)
    if rows > MAX_ROWS:
        raise TooLarge("too many rows", pointer="/inputs", expected=f"at most {MAX_ROWS}", got=str(rows))
    if size > MAX_BYTES:
        raise TooLarge(
            "inputs are too large", pointer="/inputs", expected=f"at most {MAX_BYTES} bytes", got=str(size)
        )
    return tensors


def _source(given: list[Any]) -> tuple[bytes | None, str]:
    """What the buyer will want to see again: a picture or a table as it was sent, where that was all."""
    content_type, content = given[0].get("content_type", ""), given[0].get("content")
    if content_type == "" or len(given) > 1:
        return None, ""
    if content_type == PNG:
        return base64.b64decode(content), PNG
    if isinstance(content, str):
        return content.encode(), content_type
    return msgspec.json.encode(content), content_type
