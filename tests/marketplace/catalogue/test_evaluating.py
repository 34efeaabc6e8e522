"""Measuring: figures come from certified answers of the deployed model, and from nowhere else."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.digest import sha256
from assay.errors import Refused, TooLarge
from assay.model import Interface, NoPreprocessing, Port
from assay.tensor import Tensor
from marketplace.catalogue import actions, labelled
from marketplace.catalogue.actions import evaluations
from marketplace.catalogue.models import Evaluation, ModelVersion
from marketplace.errors import Conflict
from marketplace.predictions.actions import apply as change
from marketplace.predictions.changes import Change
from marketplace.predictions.models import Prediction, Status
from tests.marketplace.answering import INTERFACE, FakeNodes, deployed, digits, dispatching

pytestmark = pytest.mark.django_db
State = Evaluation.State


def digits_set(values: list[int], labels: list[int] | None = None) -> bytes:
    """Pictures which the model of `answering` takes for `values`, labelled `labels`."""
    pixels = [float(value) for value in values for _ in range(64)]
    tensor = {"name": "image", "datatype": "FP32", "shape": [len(values), 64], "data": pixels}
    right = values if labels is None else labels
    return json.dumps({"inputs": [tensor], "labels": [str(label) for label in right]}).encode()


@pytest.fixture
def version(cast):
    made = digits(cast.asha)
    deployed(made, cast.node_key)
    return made


def certified(nodes: FakeNodes) -> None:
    """Has everything that waits carried out."""
    with dispatching(nodes) as dispatcher:
        dispatcher.wake()
        for prediction in Prediction.objects.all():
            until_ended(prediction)


def until_ended(prediction: Prediction) -> None:
    from marketplace.predictions.awaiting import until_ended as wait
    from marketplace.predictions.awaiting import watching

    with watching(prediction.pk) as ended:
        prediction.refresh_from_db()
        if prediction.completed is None:
            assert wait(prediction, ended, 20).completed is not None


@pytest.mark.django_db(transaction=True)
def test_accuracy_is_that_of_the_models_certified_answers(cast, version, monkeypatch):
    monkeypatch.setattr(evaluations, "BATCH", 3)
    content = digits_set([1, 2, 3, 4, 5, 6, 7, 8], labels=[1, 2, 3, 4, 5, 6, 0, 0])
    evaluation = actions.evaluate(cast.asha.actor, version, "Eight digits", content, shown=2)
    evaluations.advance()
    assert Prediction.objects.count() == 3
    assert {prediction.organisation for prediction in Prediction.objects.all()} == {cast.asha.organisation}
    evaluations.advance()
    assert Evaluation.objects.get().state == State.RUNNING, "nothing is known before the answers are there"
    certified(FakeNodes([cast.node_key]))
    evaluations.advance()
    evaluation.refresh_from_db()
    version.refresh_from_db()
    assert (evaluation.state, evaluation.data) == (State.MEASURED, None)
    assert version.metrics == [
        {"name": "accuracy", "value": 0.75, "dataset": "Eight digits", "rows": 8, "sha256": sha256(content).hex()}
    ]
    assert [example["title"] for example in version.examples] == ["1", "2"]
    assert version.examples[0]["inputs"][0]["shape"] == [1, 64]


def test_a_prediction_that_failed_is_no_measurement(cast, version):
    evaluation = actions.evaluate(cast.asha.actor, version, "One digit", digits_set([1]))
    evaluations.advance()
    error = Refused("the node said no")
    change([Change(Prediction.objects.get().pk, Status.FAILED, error=error)])
    evaluations.advance()
    evaluation.refresh_from_db()
    version.refresh_from_db()
    assert evaluation.state == State.FAILED
    assert "the node said no" in evaluation.detail
    assert version.metrics == []


def test_a_step_that_was_killed_is_taken_again_without_asking_twice(cast, version, monkeypatch):
    actions.evaluate(cast.asha.actor, version, "One digit", digits_set([1]))

    def killed(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Evaluation, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            evaluations.advance()
    assert Prediction.objects.count() == 0, "asking and noting it down are one"
    evaluations.advance()
    evaluations.advance()
    assert Prediction.objects.count() == 1


def test_an_error_over_one_set_does_not_keep_others_from_being_measured(cast, version, monkeypatch, caplog):
    broken = actions.evaluate(cast.asha.actor, version, "Broken", digits_set([1]))
    fine = actions.evaluate(cast.asha.actor, version, "Fine", digits_set([1, 2]))
    ask = evaluations._ask

    def failing(evaluation, given_):
        if evaluation.pk == broken.pk:
            raise ZeroDivisionError("a bug")
        ask(evaluation, given_)

    monkeypatch.setattr(evaluations, "_ask", failing)
    evaluations.advance()
    for each in (broken, fine):
        each.refresh_from_db()
    assert (broken.state, fine.state) == ("failed", "running")
    assert "a bug" in caplog.text


def test_a_measurement_replaces_the_one_of_the_same_set_only(cast, version):
    version.metrics = [
        {"name": "accuracy", "value": 0.1, "dataset": dataset, "rows": 1, "sha256": "0" * 64}
        for dataset in ("Old", "Other")
    ]
    version.save()
    evaluation = Evaluation(version=version, dataset="Old", rows=2, digest=b"\1" * 32)
    evaluations._record(evaluation, [labelled.Metric("accuracy", 0.9)])
    version.refresh_from_db()
    assert [(metric["dataset"], metric["value"]) for metric in version.metrics] == [("Other", 0.1), ("Old", 0.9)]


def test_whoever_left_the_organisation_measures_nothing(cast, version):
    actions.evaluate(cast.asha.actor, version, "One digit", digits_set([1]))
    cast.asha.user.memberships.all().delete()
    evaluations.advance()
    assert Evaluation.objects.get().state == State.FAILED


def test_only_what_serves_is_measured(cast):
    with pytest.raises(Conflict) as caught:
        actions.evaluate(cast.asha.actor, digits(cast.asha), "One digit", digits_set([1]))
    assert caught.value.code == "not-serving"


def test_open_measurements_are_limited(cast, version):
    for _ in range(evaluations.MAX_OPEN):
        actions.evaluate(cast.asha.actor, version, "One digit", digits_set([1]))
    with pytest.raises(Conflict):
        actions.evaluate(cast.asha.actor, version, "One digit", digits_set([1]))


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        (b"", ""),
        (b"{", ""),
        (b"[]", ""),
        (b'{"inputs": []}', ""),
        (b'{"inputs": [], "labels": []}', "/inputs"),
        (b'{"inputs": [], "labels": [], "more": 1}', ""),
        (digits_set([1, 2]).replace(b'["1", "2"]', b'["1"]'), "/labels"),
        (digits_set([1, 2]).replace(b'["1", "2"]', b'"12"'), "/labels"),
        (digits_set([1, 2]).replace(b'["1", "2"]', b'["1", "two"]'), "/labels/1"),
        (digits_set([1, 2]).replace(b'["1", "2"]', b'["1", 2]'), "/labels/1"),
        (digits_set([1]).replace(b"1.0", b"1e999"), None),
        (digits_set([1]).replace(b"FP32", b"FP64"), "/inputs/0/datatype"),
    ],
)
def test_what_is_wrong_with_a_set_is_named_and_nothing_kept(cast, version, content, pointer):
    with pytest.raises(Refused) as caught:
        actions.evaluate(cast.asha.actor, version, "Digits", content, shown=1)
    if pointer is not None:
        assert caught.value.pointer == pointer
    assert not Evaluation.objects.exists()
    version.refresh_from_db()
    assert version.examples == []


def test_a_set_has_a_limit(cast, version, monkeypatch):
    monkeypatch.setattr(labelled, "MAX_ROWS", 2)
    with pytest.raises(TooLarge):
        actions.evaluate(cast.asha.actor, version, "Digits", digits_set([1, 2, 3]))
    monkeypatch.setattr(labelled, "MAX_DOCUMENT", 10)
    with pytest.raises(TooLarge):
        actions.evaluate(cast.asha.actor, version, "Digits", digits_set([1]))


@pytest.mark.parametrize(("dataset", "shown", "pointer"), [("", 0, "dataset"), ("D", 21, "shown")])
def test_a_bad_field_is_named(cast, version, dataset, shown, pointer):
    with pytest.raises(Refused) as caught:
        actions.evaluate(cast.asha.actor, version, dataset, digits_set([1]), shown)
    assert caught.value.pointer == pointer


def test_a_version_that_is_not_ready_is_not_measured(cast, version):
    ModelVersion.objects.filter(pk=version.pk).update(interface=None)
    version.refresh_from_db()
    with pytest.raises(Refused) as caught:
        actions.evaluate(cast.asha.actor, version, "Digits", digits_set([1]))
    assert caught.value.code == "version-not-ready"


# --- the figures ------------------------------------------------------------------------------------------

REGRESSION = Interface(
    task="regression",
    inputs=(Port(name="x", datatype="FP32", shape=(-1, 1)),),
    outputs=(Port(name="y", datatype="FP32", shape=(-1, 1)),),
    labels=(),
    preprocessing=NoPreprocessing(),
)
number = st.floats(-1e3, 1e3, width=32)


@given(st.lists(st.tuples(number, number), min_size=1, max_size=30), st.integers(1, 10))
@settings(max_examples=60)
def test_errors_of_a_regression_are_those_of_the_textbook(rows, batch):
    labels, answers = (np.array(column, np.float32) for column in zip(*rows, strict=True))
    document = {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [len(rows), 1], "data": [0.0] * len(rows)}],
        "labels": [float(label) for label in labels],
    }
    given_ = labelled.read(REGRESSION, json.dumps(document).encode())
    outputs = [
        (Tensor.of("y", answers[start : start + batch].reshape(-1, 1)),) for start in range(0, len(rows), batch)
    ]
    figures = {metric.name: metric.value for metric in labelled.measure(REGRESSION, given_, outputs)}
    error = answers.astype(np.float64) - labels.astype(np.float64)
    assert figures["mean-absolute-error"] == pytest.approx(np.abs(error).mean(), abs=1e-5)
    assert figures["root-mean-square-error"] == pytest.approx(np.sqrt((error**2).mean()), abs=1e-5)
    if "r2" in figures:
        assert figures["r2"] <= 1


def regression_set(*labels: str) -> bytes:
    inputs = [{"name": "x", "datatype": "FP32", "shape": [len(labels), 1], "data": [0.0] * len(labels)}]
    return b'{"inputs": %s, "labels": [%s]}' % (json.dumps(inputs).encode(), ", ".join(labels).encode())


@pytest.mark.parametrize("label", ["1" + "0" * 400, "-1" + "0" * 400, '"1"', "null", "true"])
def test_a_label_that_no_number_can_hold_is_refused(label):
    with pytest.raises(Refused) as caught:
        labelled.read(REGRESSION, regression_set("1", label))
    assert caught.value.pointer == "/labels/1"


@pytest.mark.parametrize("labels", [("1e308", "-1e308"), ("1e200", "1")])
def test_figures_that_no_number_can_hold_are_no_figures(labels):
    given_ = labelled.read(REGRESSION, regression_set(*labels))
    with pytest.raises(Refused) as caught:
        labelled.measure(REGRESSION, given_, [(Tensor.of("y", np.zeros((2, 1), "f4")),)])
    assert caught.value.code == "out-of-range"


def test_batches_put_together_are_the_set():
    given_ = labelled.read(INTERFACE, digits_set(list(range(10))))
    parts = [given_.batch(start, start + 4)[0].array() for start in (0, 4, 8)]
    assert np.array_equal(np.concatenate(parts), given_.inputs[0].array())
