"""Seeding: the owners at work through the public API, with a real server, workers and nodes on the wire."""

from __future__ import annotations

import dataclasses
import json
import threading
from contextlib import ExitStack, contextmanager

import msgspec
import numpy as np
import onnxruntime
import pytest
from django.db import connection

from assay.digest import sha256
from assay.keys import PrivateKey
from demo import groups, prices, seed
from demo.entries import ENTRIES, OWNERS, Entry
from demo.market import Market, RefusedError
from marketplace.accounts import access, demo_users
from marketplace.accounts.models import AuditEntry, User
from marketplace.billing import caps
from marketplace.billing.models import HoldEnd, Price
from marketplace.catalogue import health, peers, spool
from marketplace.catalogue.actions import evaluations
from marketplace.catalogue.models import Deployment, Evaluation, Model, ModelVersion, Node
from marketplace.groups.models import Group
from marketplace.predictions import outbox
from marketplace.predictions.dispatch import Dispatcher
from marketplace.predictions.models import Prediction
from node.commands.rotate_key import replace_key
from node.home import Home
from tests.marketplace.catalogue.conftest import INTERFACE, LABELS, onnx_bytes
from tests.marketplace.catalogue.wired import wired
from tests.marketplace.conftest import (  # noqa: F401 - autouse
    broker,
    plain_static_files,
    quick_passwords,
    silence,
    static_root,
)
from verification.groups import PeerGroups
from verification.nodes import PeerNodes

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = np.random.default_rng(7).normal(size=(8, 4)).astype(np.float32)


@pytest.fixture(autouse=True)
def installation(settings, tmp_path):
    key = PrivateKey.generate()
    key.save(tmp_path / "dispatch.key")
    settings.ENV = dataclasses.replace(
        settings.ENV, var=tmp_path / "var", private_nodes=True, demo=True, identity=tmp_path / "dispatch.key"
    )
    peers.identity.cache_clear()
    yield key
    peers.identity.cache_clear()


@pytest.fixture
def folder(tmp_path):
    """One small model for each owner, and a set that it gets six out of eight rows right of."""
    content = onnx_bytes()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    chosen = session.run(["scores"], {"x": ROWS})[0].argmax(axis=1)
    wrong = [*chosen[:6], *((chosen[6:] + 1) % 3)]
    path = tmp_path / "models"
    (path / ENTRIES).mkdir(parents=True)
    (path / "model.onnx").write_bytes(content)
    tensor = {"name": "x", "datatype": "FP32", "shape": [8, 4], "data": ROWS.ravel().tolist()}
    labelled = {"inputs": [tensor], "labels": [LABELS[i] for i in wrong]}
    (path / "set.labelled.json").write_bytes(json.dumps(labelled).encode())
    for owner in OWNERS:
        entry = Entry(
            owner=owner,
            slug="levels",
            title="Levels",
            summary="Three levels",
            card="From four numbers.\n",
            licence="CC0-1.0",
            model="model.onnx",
            digest=sha256(content).hex(),
            dataset="Eight rows",
            labelled="set.labelled.json",
            interface=INTERFACE,
            metrics={},
        )
        (path / ENTRIES / f"{owner}-levels.json").write_bytes(msgspec.json.encode(entry))
    return path


@pytest.fixture
def nodes(tmp_path, installation):
    """A machine for each owner; the folder in which their homes are, and the machines."""
    with ExitStack() as stack:
        machines = {}
        for owner in OWNERS:
            key = PrivateKey.generate()
            home = tmp_path / "nodes" / owner
            home.mkdir(parents=True)
            key.save(home / "key")
            machines[owner] = stack.enter_context(wired(key, installation.public))
            (home / "address").write_text(machines[owner].address)
        yield tmp_path / "nodes", machines


@contextmanager
def working(installation):
    """What Celery's workers do, again and again."""
    over = threading.Event()
    dispatcher = Dispatcher("tests", lambda: (PeerNodes(installation), PeerGroups(installation)), 16)

    def work():
        try:
            while not over.wait(0.02):
                outbox.carry_out()
                health.check_nodes()
                evaluations.advance()
                dispatcher.wake()
        finally:
            connection.close()

    thread = threading.Thread(target=work, name="workers")
    dispatcher.start()
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        dispatcher.stop()


@pytest.fixture
def users():
    return [msgspec.convert(msgspec.to_builtins(user), seed.User) for user in demo_users.create()]


@pytest.fixture
def only_asha(folder, monkeypatch):
    """Where one owner shows as much as four."""
    monkeypatch.setattr(seed.entries, "OWNERS", {"asha": "Asha"})
    for entry in (folder / ENTRIES).iterdir():
        if not entry.name.startswith("asha"):
            entry.unlink()


def counts() -> dict[str, int]:
    tables = (Node, Model, ModelVersion, Deployment, Evaluation, AuditEntry)
    return {table.__name__: table.objects.count() for table in tables}


def test_everything_is_offered_measured_and_answers_with_a_certificate_and_a_second_run_changes_nothing(
    live_server, users, nodes, folder, installation, capsys
):
    seeding = (live_server.url, users, nodes[0], folder)
    with working(installation):
        seed.seed(*seeding)
        all_is_offered(nodes[1], capsys.readouterr().out)
        with owned(live_server, users, "asha") as market:
            market.put("/models/asha/levels/prices/direct", {"micros": 0})
        first, asked = counts(), Prediction.objects.count()
        seed.seed(*seeding)
    assert counts() == first
    assert Price.objects.get(until=None, model__organisation__slug="asha").micros == 0
    assert Prediction.objects.count() == asked + 1


def all_is_offered(machines, said):
    asked = seed.QUESTIONS * len(OWNERS)
    assert said.count("certificate verified") == asked
    assert {str(model) for model in Model.objects.filter(visibility="public")} == {
        f"{owner}/levels" for owner in OWNERS
    }
    for version in ModelVersion.objects.all():
        [metric] = version.metrics
        assert (metric["name"], metric["value"], metric["rows"]) == ("accuracy", 0.75, 8)
        assert version.state == ModelVersion.State.PUBLISHED
    assert all(machine.submitted for machine in machines.values())
    assert spool.uploads() == [], "every file was deleted once its node had it"
    assert Prediction.objects.filter(organisation__slug="bela", rows=1).count() == asked
    assert {price.micros for price in Price.objects.filter(until=None)} == {prices.ROW["micros"]}
    assert (
        Price.objects.count() == HoldEnd.objects.filter(ending="certified").count() / seed.QUESTIONS == len(OWNERS)
    )


@pytest.mark.usefixtures("only_asha")
def test_a_buyer_who_may_spend_no_more_asks_nothing_and_all_is_offered(
    live_server, users, nodes, folder, installation, capsys
):
    caps.set_cap(access.for_user(User.objects.get(email__startswith="bela@")), None, 0)
    with working(installation):
        seed.seed(live_server.url, users, nodes[0], folder)
    assert "asks no more   this would exceed the organisation's cap" in capsys.readouterr().out
    assert Price.objects.filter(until=None).count() == 1
    assert not Prediction.objects.filter(organisation__slug="bela").exists()


def test_a_node_whose_key_was_replaced_meanwhile_is_the_same_node(live_server, users, nodes, folder):
    homes, _ = nodes
    home = Home(homes / "asha")
    with Market(live_server.url, next(user.api_key for user in users if user.organisation == "asha")) as market:
        owner = seed.Owner(market, "asha", home.root, folder)
        first = owner._node()
        for rotations in (1, 2):
            for _ in range(rotations):
                replace_key(home)
            assert owner._node() == first
            assert bytes(Node.objects.get(pk=first).key) == home.load_key().public.raw
    assert Node.objects.count() == 1


@pytest.mark.usefixtures("only_asha")
def test_interrupted_after_each_stage_in_turn_the_next_run_goes_on(
    live_server, users, nodes, folder, installation, monkeypatch
):
    with working(installation):
        for stage in ("_version", "_deploy", "_measure", "_publish"):
            interrupted_after(seed.Owner, stage, monkeypatch, live_server.url, users, nodes[0], folder)
        seed.seed(live_server.url, users, nodes[0], folder)
    assert counts().items() >= {"Node": 1, "Model": 1, "ModelVersion": 1, "Deployment": 1, "Evaluation": 1}.items()


def interrupted_after(owner, stage, monkeypatch, *seeding):
    """A run that is killed as soon as one of `owner`'s functions has done its work."""
    done = getattr(owner, stage)

    def killed_after(*args):
        done(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(owner, stage, killed_after)
        with pytest.raises(KeyboardInterrupt):
            seed.seed(*seeding)


@pytest.mark.usefixtures("only_asha")
def test_a_node_that_fails_at_first_is_asked_again(live_server, users, nodes, folder, installation, monkeypatch):
    homes, machines = nodes
    for machine in machines.values():
        machine.refuses = "Activate"
    asked = seed.Market.post

    def post(market, path, *args, **kwargs):
        if path.endswith("/deployments") and Deployment.objects.filter(state="failed").exists():
            for machine in machines.values():
                machine.refuses = ""
        return asked(market, path, *args, **kwargs)

    monkeypatch.setattr(seed.Market, "post", post)
    with working(installation):
        seed.seed(live_server.url, users, homes, folder)
    assert not Deployment.objects.exclude(state="serving").exists()


@pytest.mark.usefixtures("only_asha")
def test_a_node_that_never_serves_stops_the_seeding_with_its_reason(
    live_server, users, nodes, folder, installation, monkeypatch
):
    homes, machines = nodes
    for machine in machines.values():
        machine.refuses = "Activate"
    with working(installation), pytest.raises(SystemExit, match="this node will not"):
        seed.seed(live_server.url, users, homes, folder)


# --- groups -----------------------------------------------------------------------------------------------


@pytest.fixture
def plan(monkeypatch):
    """One group, of everybody's levels; what is asked of it. The nodes here are told of it, and do not answer."""
    plan = groups.Plan("levels", "bruno", "Levels of four", "Four owners", "plurality")
    monkeypatch.setattr(groups, "PLANS", (plan,))
    monkeypatch.setattr(seed, "first_predictions", lambda *_: None)
    asked: list[groups.Standing] = []
    monkeypatch.setattr(groups, "ask", lambda _, group: asked.append(group))
    return asked


def test_the_owners_gather_in_a_group_each_signing_with_the_nodes_own_key(
    live_server, users, nodes, folder, installation, plan
):
    homes, machines = nodes
    with working(installation):
        for _ in range(2):
            seed.seed(live_server.url, users, homes, folder)
            before = counts() | {"groups": Group.objects.count()}
    votes = Price.objects.filter(until=None, member__isnull=False)
    assert {(price.micros, price.mode) for price in votes} == {(prices.VOTE["micros"], "agreement")}
    assert votes.count() == len(OWNERS)
    first, second = plan
    assert (first.genesis, first.new, second.new) == (second.genesis, True, False)
    group = Group.objects.get()
    assert (group.state, str(group.organisation), bytes(group.epochs.get().digest)) == (
        Group.State.SERVING,
        "bruno",
        first.genesis,
    )
    for machine in machines.values():
        members = machine.groups[first.genesis].configuration.members
        assert {member.key for member in members} == {each.key.public.raw for each in machines.values()}
        assert members[0].owner == "bruno"
    assert counts() | {"groups": Group.objects.count()} == before


def test_interrupted_while_they_gather_or_declined_the_next_run_goes_on_and_what_was_withdrawn_is_left(
    live_server, users, nodes, folder, installation, plan, monkeypatch
):
    seeding = (live_server.url, users, nodes[0], folder)
    with working(installation):
        interrupted_after(groups, "_found", monkeypatch, *seeding)
        with monkeypatch.context() as patch:
            patch.setattr(groups, "_join", interrupted)
            with pytest.raises(KeyboardInterrupt):
                seed.seed(*seeding)
        with owned(live_server, users, "chidi") as market:
            market.post("/groups/levels/decline")
        interrupted_after(groups, "_sign", monkeypatch, *seeding)
        seed.seed(*seeding)
        assert (Group.objects.get().state, len(plan)) == (Group.State.SERVING, 1)
        with owned(live_server, users, "bruno") as market:
            market.delete("/groups/levels")
        seed.seed(*seeding)
    assert (Group.objects.get().state, len(plan)) == (Group.State.WITHDRAWN, 1)


def interrupted(*_):
    raise KeyboardInterrupt


def owned(live_server, users, slug) -> Market:
    """An owner's access."""
    return Market(live_server.url, next(user.api_key for user in users if user.organisation == slug))


# --- the market -------------------------------------------------------------------------------------------


def test_an_upload_cut_short_goes_on_where_it_stood(live_server, users, folder, tmp_path, monkeypatch):
    owner = next(user for user in users if user.organisation == "asha")
    monkeypatch.setattr("demo.market.PART", 50)
    file = folder / "model.onnx"
    size = file.stat().st_size
    with Market(live_server.url, owner.api_key) as market:
        market.post("/models", {"name": "levels", "title": "Levels", "task": "other"})
        market.post("/models/asha/levels/versions", {"weights": "delivered", "size": size})
        path = "/models/asha/levels/versions/1"

        def cut(sent, _):
            if sent >= 100:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            market.upload(path, file, cut)
        assert market.get(f"{path}/file")["offset"] == 100
        told = []
        market.upload(path, file, lambda sent, _: told.append(sent))
    assert told[0] == 150
    assert told[-1] == size
    assert spool.path_of(ModelVersion.objects.get().upload.pk).read_bytes() == file.read_bytes()


def test_a_refusal_carries_the_problem(live_server, users):
    buyer = next(user for user in users if user.role == "buyer")
    with Market(live_server.url, buyer.api_key) as market, pytest.raises(RefusedError) as caught:
        market.post("/models", {"name": "levels", "title": "Levels", "task": "other"})
    assert (caught.value.status, caught.value.code) == (403, "scope-missing")
