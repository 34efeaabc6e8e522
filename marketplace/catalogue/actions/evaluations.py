"""Measuring a version: the platform puts a labelled set to the model as deployed, and the card shows how it did.

The predictions are ordinary ones, made for the owner's organisation and certified like any other. What is kept
afterwards is the figures and the set's digest; the set itself is removed.
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets

import msgspec
from django.db import InterfaceError, OperationalError, transaction

from assay.digest import sha256
from assay.errors import AssayError, Refused
from assay.tensor import Tensor
from marketplace import text
from marketplace.accounts.access import Actor, for_user
from marketplace.billing.holding import FREE
from marketplace.catalogue import labelled
from marketplace.catalogue.held import held
from marketplace.catalogue.interfaces import interface_of, modes_of
from marketplace.catalogue.labelled import Labelled
from marketplace.catalogue.models import Deployment, Evaluation, ModelVersion
from marketplace.errors import Conflict
from marketplace.predictions import actions as predictions
from marketplace.predictions import stored
from marketplace.predictions.models import Prediction, Status
from marketplace.predictions.questions import SALT_SIZE, Question
from marketplace.predictions.states import ENDS

log = logging.getLogger(__name__)

BATCH = 200  # rows of one prediction
PATIENCE = dt.timedelta(minutes=2)  # for each prediction
MAX_OPEN = 3  # unfinished evaluations of one version
MAX_SHOWN = 20  # rows that the playground offers

State = Evaluation.State
OPEN = (State.WAITING, State.RUNNING)


def evaluate(actor: Actor, version: ModelVersion, dataset: str, content: bytes, shown: int = 0) -> Evaluation:
    """Has `version` measured on the set `content` (JSON; see `catalogue.labelled`) called `dataset`.

    The first `shown` rows become the playground's examples. Raises Refused naming the parameter, or with a JSON
    pointer into `content`; Conflict where the version serves nowhere or too much is being measured.
    """
    name = text.line(dataset, "dataset", most=120, least=1)
    if not 0 <= shown <= MAX_SHOWN:
        raise Refused("not a number of rows", pointer="shown", expected=f"0 to {MAX_SHOWN}", got=str(shown))
    interface = interface_of(version)
    given = labelled.read(interface, content)
    with transaction.atomic():
        version = held(version)
        if not version.deployments.filter(state=Deployment.State.SERVING).exists():
            raise Conflict("no node serves this version", code="not-serving", hint="Deploy it first.")
        if version.evaluations.filter(state__in=OPEN).count() >= MAX_OPEN:
            raise Conflict("enough is being measured", code="too-many-evaluations", expected=f"at most {MAX_OPEN}")
        if shown:
            version.examples = labelled.examples(interface, given, shown)
            version.save(update_fields=["examples"])
        return Evaluation.objects.create(
            version=version,
            dataset=name,
            rows=given.rows,
            digest=sha256(content),
            data=msgspec.msgpack.encode(given),
            created_by=actor.user,
        )


def advance() -> int:
    """Takes every open evaluation one step further; how many there were. Safe to run anywhere, at any time."""
    waiting = list(Evaluation.objects.filter(state__in=OPEN).order_by("pk").values_list("pk", flat=True))
    for evaluation in waiting:
        try:
            _advance(evaluation)
        except (OperationalError, InterfaceError):
            raise  # the database is away: for another time
        except Exception:  # an error of ours must not keep the others from their turn
            log.exception("evaluation %s failed here", evaluation)
            failed = {"state": State.FAILED, "detail": "an error of ours; it has been noted", "data": None}
            Evaluation.objects.filter(pk=evaluation, state__in=OPEN).update(**failed)
    return len(waiting)


@transaction.atomic
def _advance(evaluation: int) -> None:
    found = (
        Evaluation.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("version__model__organisation", "created_by")
        .filter(pk=evaluation, state__in=OPEN)
    )
    for each in found:
        _step(each)


def _step(evaluation: Evaluation) -> None:
    try:
        given = msgspec.msgpack.decode(bytes(evaluation.data or b""), type=Labelled)
        if evaluation.state == State.WAITING:
            with transaction.atomic():
                _ask(evaluation, given)
        else:
            _look(evaluation, given)
    except (AssayError, msgspec.MsgspecError, KeyError) as error:
        evaluation.state, evaluation.detail, evaluation.data = State.FAILED, str(error)[:300], None
    evaluation.save(update_fields=["state", "detail", "data", "predictions"])


def _ask(evaluation: Evaluation, given: Labelled) -> None:
    version = evaluation.version
    actor = for_user(evaluation.created_by, version.model.organisation.slug)
    modes = modes_of(version)
    if not modes:
        raise Conflict("the check ruled out every mode", code="no-mode")
    evaluation.state = State.RUNNING
    evaluation.predictions = [
        str(predictions.create(actor, _question(version, modes[0], given.batch(start, start + BATCH))).pk)
        for start in range(0, given.rows, BATCH)
    ]


def _question(version: ModelVersion, mode: str, inputs: tuple[Tensor, ...]) -> Question:
    return Question(
        asked=version,
        target=f"model:{version}",
        mode=mode,
        params={},
        inputs=inputs,
        salt=secrets.token_bytes(SALT_SIZE),
        time=PATIENCE,
        terms=FREE,  # nobody pays oneself
    )


def _look(evaluation: Evaluation, given: Labelled) -> None:
    asked = {str(each.pk): each for each in Prediction.objects.filter(pk__in=evaluation.predictions)}
    batches = [asked[each] for each in evaluation.predictions]
    if any(batch.status not in ENDS for batch in batches):
        return
    for batch in batches:
        if batch.status != Status.CERTIFIED:
            reason = (batch.error or {}).get("detail", "no reason given")
            raise Refused(f"prediction {batch.pk} {batch.status}: {reason}", code="not-measured")
    interface = interface_of(evaluation.version)
    outputs = [interface.accept_outputs(stored.tensors(bytes(batch.outputs or b""))) for batch in batches]
    _record(evaluation, labelled.measure(interface, given, outputs))


def _record(evaluation: Evaluation, metrics: list[labelled.Metric]) -> None:
    """Replaces what was measured on a set of the same name."""
    version = ModelVersion.objects.select_for_update(of=("self",)).get(pk=evaluation.version_id)
    source = {"dataset": evaluation.dataset, "rows": evaluation.rows, "sha256": bytes(evaluation.digest).hex()}
    others = [metric for metric in version.metrics if metric["dataset"] != evaluation.dataset]
    version.metrics = [*others, *({**msgspec.to_builtins(metric), **source} for metric in metrics)]
    version.save(update_fields=["metrics"])
    evaluation.state, evaluation.data = State.MEASURED, None
