"""Bringing a version to a node: delivered if the node does not hold it, then loaded and served.

Runs in a worker, at least once, for one wish (deployment and attempt). Every step is written down only while the
wish stands; when it no longer does, the work stops. The spooled file is deleted once the node has confirmed its
commitment and no other node waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from enum import Enum, auto
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from assay.errors import AssayError, DeadlineExceeded, Refused, Unavailable
from assay.model import ModelReference
from marketplace.catalogue import interfaces, spool, validating
from marketplace.catalogue.background import told_by
from marketplace.catalogue.models import Deployment, ModelVersion, Node, Upload
from marketplace.catalogue.peers import connected
from wire.client import Peer
from wire.deadline import in_seconds
from wire.delivery import deliver

ASKING = 10.0  # seconds for a node to say what it holds
LOADING = 180.0  # seconds for a node to load a model
ATTEMPTS = 4  # of a wish that fails for a reason that may pass

State = Deployment.State
WANTED = (State.WAITING, State.DELIVERING, State.LOADING)


class _Step(Enum):
    HELD = auto()  # the node has the file and has confirmed its commitment
    SERVING = auto()


def deploy(deployment: int, attempt: int, *, last: bool = False) -> None:
    """Fulfils the wish if it still stands.

    Raises Unavailable or DeadlineExceeded for what may pass, unless this is the `last` try; whatever else goes
    wrong is written down as the reason, and the owner may try again.
    """
    wish = _wish(deployment, attempt)
    if wish is None:
        return
    try:
        _carry_out(wish)
    except (Unavailable, DeadlineExceeded) as error:
        if not last:
            _note(wish, state=State.WAITING, detail=f"Trying again: {error}"[:300])
            raise
        _note(wish, state=State.FAILED, detail=str(error)[:300])
    except (AssayError, OSError) as error:
        _note(wish, state=State.FAILED, detail=str(error)[:300])
        if isinstance(error, Refused) and error.code == "digest-mismatch":
            validating.discard(wish.version.upload.pk)  # of no use to anybody; the owner may send it again


def undeploy(deployment: int, attempt: int) -> None:
    """Has the node stop serving, if that is still wanted. Raises Unavailable for what may pass."""
    stopped = Deployment.objects.filter(pk=deployment, attempt=attempt, state=State.STOPPED)
    for each in stopped.filter(node__retired__isnull=True).select_related("version", "node"):
        _unload(each)


def release(version: int) -> None:
    """Deletes the version's spooled file unless some node still waits for it, or none has it."""
    with transaction.atomic():
        if not ModelVersion.objects.select_for_update(of=("self",)).filter(pk=version):  # as `actions.deploy` does
            return  # discarded meanwhile
        deployments = Deployment.objects.filter(version=version)
        if not deployments.filter(acknowledged__isnull=False).exists():
            return
        if deployments.filter(acknowledged__isnull=True, state__in=WANTED).exists():
            return
        uploads = list(Upload.objects.filter(version=version, received=F("size")).values_list("pk", flat=True))
        Upload.objects.filter(pk__in=uploads, deleted__isnull=True).update(deleted=timezone.now())
    for upload in uploads:
        spool.remove(upload)


# --- in the task's thread ---------------------------------------------------------------------------------


def _carry_out(wish: Deployment) -> None:
    work = partial(_bring, wish.node, interfaces.reference_of(wish.version), str(wish.version), _file(wish))
    with closing(told_by(work)) as events:
        for event in events:
            if isinstance(event, int):
                stands = _note(wish, state=State.DELIVERING, delivered=event, detail="")
            elif event is _Step.HELD:
                stands = _note(wish, state=State.LOADING, acknowledged=timezone.now(), detail="")
                release(wish.version_id)
            else:
                stands = _note(wish, state=State.SERVING, detail="")
                if not stands and Deployment.objects.filter(pk=wish.pk, state=State.STOPPED).exists():
                    _unload(wish)  # withdrawn while the node was loading it
            if not stands:
                return


def _wish(deployment: int, attempt: int) -> Deployment | None:
    return (
        Deployment.objects.select_related("version__model__organisation", "version__upload", "node")
        .filter(pk=deployment, attempt=attempt, state__in=WANTED, node__retired__isnull=True)
        .first()
    )


def _note(wish: Deployment, **fields: Any) -> bool:
    """Whether the wish still stands, and so `fields` are now true of it."""
    stands = Deployment.objects.filter(pk=wish.pk, attempt=wish.attempt, state__in=WANTED)
    return bool(stands.update(**fields, updated=timezone.now()))


def _file(wish: Deployment) -> int | None:
    """The upload whose file may be delivered, if it is here."""
    upload = Upload.objects.filter(version=wish.version_id, deleted__isnull=True, received=F("size")).first()
    return upload.pk if upload else None


def _unload(wish: Deployment) -> None:
    async def work(_: Callable[[None], None]) -> None:
        async with connected(wish.node) as peer:
            commitment = interfaces.reference_of(wish.version).commitment
            await peer.unload(commitment, in_seconds(LOADING))

    for _ in told_by(work):
        pass


# --- in the event loop's ----------------------------------------------------------------------------------


async def _bring(
    node: Node, reference: ModelReference, name: str, file: int | None, tell: Callable[[int | _Step], None]
) -> None:
    async with connected(node) as peer:
        if not await _holds(peer, reference.commitment):
            if file is None:
                raise _nowhere(node)
            await deliver(peer, spool.path_of(file), reference, name, lambda sent, _: tell(sent))
        tell(_Step.HELD)
        await peer.activate(reference.commitment, in_seconds(LOADING))
        tell(_Step.SERVING)


async def _holds(peer: Peer, commitment: bytes) -> bool:
    capable = await peer.capabilities(in_seconds(ASKING))
    return any(model.commitment == commitment and model.state != "failed" for model in capable.models)


def _nowhere(node: Node) -> AssayError:
    return Refused(
        "the file is neither on the node nor here",
        code="file-gone",
        pointer=node.name,
        hint="Add it on the node with `assay-node add`, or upload it as a new version.",
    )
