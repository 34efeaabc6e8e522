"""A group with real nodes goes on from epoch to epoch, under load: proposed, joined, signed, ordered, followed."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager

import pytest

from assay.certificate import parse
from marketplace.catalogue import peers
from marketplace.certificates.models import Certificate
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


def certificate(prediction: Prediction):
    return bytes(Certificate.objects.get(pk=prediction.certificate_id).document)


def test_through_epochs_under_load_no_request_is_lost(five, cast, client, monkeypatch, tmp_path):
    owners, machines = five
    asha, bela, sam, dana, eve = (each.slug for each in owners)
    group = founded.complete(founded.found(owners[0]), owners[:4])
    for name in (asha, bela, sam, dana):
        machines.accept(name, SLUG, monkeypatch)
    errands()
    group.refresh_from_db()
    assert group.state == "serving"

    def post(owner, path, body):
        answer = client.post(
            f"/api/v1/groups/{SLUG}/{path}", json.dumps(body), "application/json", headers=owner.person.headers
        )
        assert answer.status_code < 300, answer.content
        return answer.json()

    with load(people.person("buyer")) as asking:
        asking.more()
        post(owners[1], "proposals", {"join": [eve], "leave": [dana]})
        post(owners[4], "accept", {"model": f"{eve}/digits@1"})
        for name in (asha, bela, sam, eve):
            assert "epoch 1, in place of epoch 0" in machines.accept(name, SLUG, monkeypatch)
        asking.more()
        errands()
        group.refresh_from_db()
        assert group.epoch == 1
        after = asking.more()
    assert {each.status for each in asking.asked} == {"certified"}
    print([len(parse(certificate(each)).evidence.epochs) for each in asking.asked])
    assert len(parse(certificate(after)).evidence.epochs) == 2
