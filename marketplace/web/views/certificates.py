"""A certificate's page and its files, and the page on which anybody checks one of theirs.

What the page says comes from the certificate's bytes through the same check that buyers run; whether it holds is
found out again in the reader's browser.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from assay.answer import answers
from assay.certificate import AgreementCertificate, AnyCertificate, parse
from assay.model import ModelReference
from assay.receipt import Receipt
from assay.tensor import Tensor
from assay.verify import anchor
from assay.verify.anchors import Anchor
from assay.verify.claims import moment, trusted
from assay.verify.votes import commitment as committed
from assay.verify.votes import voters
from marketplace.accounts.access import Actor
from marketplace.catalogue.models import Node
from marketplace.certificates import access
from marketplace.certificates.models import Certificate
from marketplace.certificates.shortfall import shortfall
from marketplace.errors import NotFound
from marketplace.predictions.models import Prediction
from marketplace.web import sent
from marketplace.web.pages import address, own_page, page
from marketplace.web.votes import votes

MAX_VALUES = 40  # of one output, written out
ANCHORS = {
    "provider": ("Whose signature do you expect?", "ed25519:…"),
    "group": ("Which group do you expect? The digest of its genesis, or of a later configuration:", ""),
}
EVIDENCE = {"index": "Leaf, from 0", "count": "Leaves in the tree", "signature": "Signature"}


@require_safe
@own_page
def certificate(request: HttpRequest, actor: Actor, digest: str) -> HttpResponse:
    stored = _stored(actor, digest)
    parsed = parse(bytes(stored.document))
    prediction = _prediction(actor, stored)
    statement = parsed.statement
    rests_on = anchor(parsed)
    kept = prediction is not None and sent.size(prediction) > 0
    context = {
        "id": stored.hex,
        "certificate": parsed,
        "statement": statement,
        "claim": _claim(parsed),
        "moment": moment(statement.time),
        "anchor": rests_on,
        "latest": (len(rests_on.epochs) - 1, rests_on.epochs[-1]) if len(rests_on.epochs) > 1 else None,
        "trusted": trusted(rests_on.trusted(())),
        "anchor_form": ANCHORS[rests_on.kind],
        "signer": _signer(rests_on.raw),
        "votes": votes(parsed),
        "committed": _committed(parsed),
        "request_id": str(UUID(bytes=statement.request)),
        "models": [(_whose(parsed, model), model) for model in statement.models],
        "outputs": [_written(each) for each in statement.outputs],
        "evidence": _evidence(parsed),
        "path": parsed.evidence.path,
        "prediction": prediction,
        "receipt": prediction is not None,
        "sent": sent.embedded(prediction) if prediction else None,
        "input_link": address("prediction-input", prediction.pk) if prediction and kept else "",
        "command": _command(rests_on, stored.hex, prediction if kept else None),
    }
    return render(request, "certificates/page.html", context)


@require_safe
@page
def check(request: HttpRequest) -> HttpResponse:
    return render(request, "certificates/check.html")


@require_safe
@own_page
def as_json(_: HttpRequest, actor: Actor, digest: str) -> HttpResponse:
    stored = _stored(actor, digest)
    return _file(parse(bytes(stored.document)).to_json(), "application/json", file_name("certificate", digest))


@require_safe
@own_page
def as_cbor(_: HttpRequest, actor: Actor, digest: str) -> HttpResponse:
    stored = _stored(actor, digest)
    return _file(bytes(stored.document), "application/cbor", file_name("certificate", digest, "cbor"))


@require_safe
@own_page
def receipt(_: HttpRequest, actor: Actor, digest: str) -> HttpResponse:
    """Certificate and salt: the buyer's own."""
    stored = _stored(actor, digest)
    prediction = _prediction(actor, stored)
    if prediction is None:
        raise NotFound("no receipt of this certificate")
    content = Receipt.of(parse(bytes(stored.document)), bytes(prediction.salt)).to_json()
    return _file(content, "application/json", file_name("receipt", digest))


def _stored(actor: Actor, digest: str) -> Certificate:
    return access.certificate(actor, bytes.fromhex(digest))


def _prediction(actor: Actor, stored: Certificate) -> Prediction | None:
    """Which prediction it came from; the gate for the certificate has let the actor through already."""
    found = Prediction.objects.filter(certificate=stored, organisation__in=list(actor.roles))
    unread = ("version__report", "version__metrics", "version__examples", "inputs", "source", "outputs", "saved")
    return found.select_related("version").defer(*unread).first()


def _claim(parsed: AnyCertificate) -> str:
    statement, interface = parsed.statement, parsed.interface
    named = statement.target.partition(":")[2]
    given = answers(interface, statement.outputs, 1)
    if not given:
        return f"{named} gave no answer."
    first, rows = given[0], statement.outputs[0].shape[0]
    rest = f" and {rows - 1} more rows" if rows > 1 else ""
    if (short := shortfall(parsed)) and rows == 1:
        return f"{named} gave no answer: {short}."
    if first.contested:
        return f"The members of {named} did not agree{f' on the first of {rows} rows' if rows > 1 else ''}."
    words = f"“{first.text}”" if interface.task == "classification" else first.text
    return f"{named} answered {words}{rest}."


def _committed(parsed: AnyCertificate) -> str:
    """Which members of a group have signed that this is its outcome, and where it stands."""
    return committed(parsed.evidence) if isinstance(parsed, AgreementCertificate) else ""


def _signer(key: bytes) -> str:
    """The node here whose key this is or was; the key itself is what counts."""
    found = Node.objects.filter(Q(key=key) | Q(former_keys__key=key)).select_related("organisation").first()
    return "" if found is None else str(found)


def _written(tensor: Tensor) -> dict[str, str]:
    values = tensor.array().ravel()
    shown = ", ".join(f"{value:.6g}" if values.dtype.kind == "f" else str(value) for value in values[:MAX_VALUES])
    return {
        "name": tensor.name,
        "datatype": tensor.datatype,
        "shape": " × ".join(map(str, tensor.shape)),
        "values": shown + (f", … ({len(values)} values)" if len(values) > MAX_VALUES else ""),
    }


def _whose(parsed: AnyCertificate, model: ModelReference) -> str:
    """Who answered with a model, where several did with theirs."""
    owners = voters(parsed.evidence, model) if isinstance(parsed, AgreementCertificate) else []
    return f"Model of {', '.join(owners)}" if owners else ""


def _evidence(parsed: AnyCertificate) -> list[tuple[str, str]]:
    """The plain facts of the evidence, whatever the mode; what has a name for people comes under it."""
    fields = msgspec.to_builtins(parsed.evidence, builtin_types=(bytes,))
    return [(title, _shown(fields[name])) for name, title in EVIDENCE.items() if name in fields]


def _shown(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _command(rests_on: Anchor, digest: str, prediction: Prediction | None) -> str:
    parts = [f"assay verify {file_name('certificate', digest)}", f"--{rests_on.kind} {rests_on.text}"]
    if prediction is not None:
        parts += [f"--input {sent.name(prediction)}", f"--salt {bytes(prediction.salt).hex()}"]
    return "pip install ./sdk  # in Assay's source\n" + " ".join(parts)


def file_name(what: str, digest: str, suffix: str = "json") -> str:
    """Of a download; the digest's beginning tells one certificate from another on the reader's disk."""
    return f"{what}-{digest[:12]}.{suffix}"


def _file(content: str | bytes, content_type: str, name: str) -> HttpResponse:
    return HttpResponse(
        content, content_type=content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
