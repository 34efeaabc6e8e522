"""A group with real nodes goes on from epoch to epoch, under load: proposed, joined, signed, ordered, followed."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from assay.agreement.votes import Absent, Answered
from assay.certificate import parse
from assay.cli import main as assay
from marketplace.catalogue import peers
from marketplace.certificates.models import Certificate
from marketplace.groups import tasks
from marketplace.predictions import access, actions, outbox, questions
from marketplace.predictions.awaiting import until_ended, watching
from marketplace.predictions.models import Outbox, Prediction
from marketplace.predictions.questions import Body
from tests.marketplace import answering, people
from tests.marketplace.answering import FakeNodes, dispatching
from tests.marketplace.groups import founded
from tests.marketplace.groups.machines import Machines
from verification.groups import PeerGroups

pytestmark = pytest.mark.django_db(transaction=True)
SLUG = founded.SLUG


@pytest.fixture
def five(cast, marketplace_key, live_server, tmp_path):
    """Four owners and a fifth, and their machines."""
    owners = founded.owners(cast, 5)
    machines = Machines(tmp_path, marketplace_key, live_server.url)
    for each in owners:
        machines.settle(each)
    yield owners, machines
    machines.close()


def errands() -> None:
    """All that is due is done, and what failed for the time being is due at once."""
    Outbox.objects.filter(done__isnull=True).update(due="2000-01-01T00:00Z")
    outbox.carry_out()


class Load:
    """Somebody who asks the group all the time."""

    def __init__(self, person) -> None:
        self.person, self.asked = person, []
        self._over = threading.Event()
        self._one = threading.Condition()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            body = answering.request(
                model=None,
                group=SLUG,
                verification={"mode": "agreement"},
                inputs=[answering.a_three()],
                deadline=20,
            )
            given = Body(**{name: value for name, value in body.items() if value is not None})
            made = actions.create(self.person.actor, questions.read(self.person.actor, given))
            with watching(made.pk) as watched:
                self.asked.append(until_ended(access.again(made), watched, 25))
            with self._one:
                self._one.notify_all()

    def more(self) -> Prediction:
        """One that was asked from now on, once it has ended."""
        with self._one:
            before = len(self.asked) + 2
            assert self._one.wait_for(lambda: len(self.asked) >= before, 30)
            return self.asked[-1]

    def end(self) -> None:
        self._over.set()
        self._thread.join()


@contextmanager
def load(person):
    groups = PeerGroups(peers.identity())
    with dispatching(FakeNodes([]), groups=groups):
        asking = Load(person)
        try:
            yield asking
        finally:
            asking.end()


def evidence(prediction: Prediction):
    return parse(certificate(prediction)).evidence


def certificate(prediction: Prediction) -> bytes:
    return bytes(Certificate.objects.get(pk=prediction.certificate_id).document)


def vote(prediction: Prediction, owner: str):
    found = evidence(prediction)
    owners = [member.owner for member in found.configuration.members]
    return found.ended.said[owners.index(owner)]


def voting(asking: Load, *owners: str) -> Prediction:
    """An answer on which all of these have voted, once there is one."""
    for _ in range(200):
        answered = asking.more()
        if all(isinstance(vote(answered, each), Answered) for each in owners):
            return answered
    raise AssertionError(f"not all of {owners} vote: {evidence(answered).ended.said}")


def verified(prediction: Prediction, path, *arguments: str) -> int:
    """The exit code of `assay verify`, which needs no marketplace."""
    path.write_bytes(certificate(prediction))
    return CliRunner().invoke(assay, ["verify", str(path), *arguments]).exit_code


def test_through_epochs_under_load_no_request_is_lost(five, client, monkeypatch, tmp_path):
    owners, machines = five
    asha, bela, sam, dana, eve = (each.slug for each in owners)
    group = founded.complete(founded.found(owners[0]), owners[:4])

    def accept(*names: str) -> None:
        for name in names:
            assert "Signed." in machines.accept(name, SLUG, monkeypatch)

    def post(owner, path: str, body) -> None:
        sent = client.post(f"/api/v1/{path}", json.dumps(body), "application/json", headers=owner.person.headers)
        assert sent.status_code < 300, sent.content

    def begun(number: int) -> None:
        errands()
        group.refresh_from_db()
        assert group.epoch == number

    accept(asha, bela, sam, dana)
    errands()
    genesis = bytes(group.epochs.get().digest)
    with load(people.person("buyer")) as asking:
        voting(asking, asha, bela, sam, dana)

        # dana is replaced by eve, and does not even sign
        post(owners[1], f"groups/{SLUG}/proposals", {"join": [eve], "leave": [dana]})
        post(owners[4], f"groups/{SLUG}/accept", {"model": f"{eve}/digits@1"})
        accept(asha, bela, sam, eve)
        begun(1)
        replaced = voting(asking, asha, bela, sam, eve)
        assert machines.within(dana) == ()

        # bela has another key
        machines.stop(bela)
        post(owners[1], "nodes/rotations", json.loads(machines.rotate(bela)))
        machines.start(bela)
        post(owners[0], f"groups/{SLUG}/proposals", {})
        accept(asha, bela, sam, eve)
        begun(2)
        rekeyed = voting(asking, asha, bela, sam, eve)

        # sam is away when the next one begins, and learns of it later
        post(owners[0], f"groups/{SLUG}/proposals", {"grace": 300})
        accept(sam, asha, bela)
        machines.stop(sam)
        accept(eve)
        begun(3)
        alone = asking.more()
        machines.start(sam)
        tasks.tell_again()
        errands()
        last = voting(asking, asha, bela, sam, eve)
    assert {each.status for each in asking.asked} == {"certified"}
    assert vote(alone, sam) == Absent()
    epochs = [len(evidence(each).epochs) for each in (asking.asked[0], replaced, rekeyed, alone, last)]
    assert epochs == [1, 2, 3, 4, 4]
    path = tmp_path / "certificate.cbor"
    for each in (asking.asked[0], replaced, rekeyed, alone, last):
        assert verified(each, path, "--group", genesis.hex()) == 0
        assert verified(each, path, "--group", "ab" * 32) == 1
    newest = group.epochs.get(number=3).hex
    assert verified(last, path, "--group", newest) == 0
    assert verified(replaced, path, "--group", newest) == 1
