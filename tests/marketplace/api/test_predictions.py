"""POST and GET /predictions, /predictions/{id}, /cancel: what a buyer sees."""

from __future__ import annotations

import base64
import contextvars
import io
import json
import threading
from pathlib import Path

import pytest
from PIL import Image

from assay.certificate import parse
from assay.verify import Trust, verify
from marketplace import presence
from marketplace.api import answers
from marketplace.predictions import access
from marketplace.predictions.models import Prediction, PredictionEvent
from tests.marketplace import answering
from tests.marketplace.answering import dispatching, request
from tests.marketplace.people import problem
from tests.marketplace.pinned import pinned

pytestmark = pytest.mark.django_db(transaction=True)


def png(shade: int = 100) -> str:
    out = io.BytesIO()
    Image.new("L", (8, 8), shade).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def test_an_answer_comes_back_whole_when_one_waits_for_it(api, cast, nodes):
    with dispatching(nodes):
        response = api("POST", "predictions", cast.bela, request(), prefer="wait=20")
    assert response.status_code == 201
    assert response["Preference-Applied"] == "wait=20"
    body = response.json()
    assert response["Location"] == f"/api/v1/predictions/{body['id']}"
    pinned("prediction-certified", body)
    certificate = api("GET", f"certificates/{body['certificate']['sha256']}", cast.bela)
    report = verify(certificate.content, Trust.of(providers=[str(cast.node_key.public)]))
    assert report.exit_code == 0
    assert str(parse(certificate.content).statement.request.hex()) == body["id"].replace("-", "")


def test_without_waiting_the_answer_is_that_it_was_received(api, cast, version):
    response = api("POST", "predictions", cast.bela, request())
    assert response.status_code == 201
    pinned("prediction-received", response.json())


def test_waiting_ends_when_its_time_is_over(api, cast, version):
    response = api("POST", "predictions", cast.bela, request(), prefer="respond-async, wait=0")
    assert response.json()["status"] == "received"


def test_waiting_ends_with_the_deadline_though_no_worker_lives(api, cast, version):
    response = api("POST", "predictions", cast.bela, request(deadline=0.2), prefer="wait=30")
    assert response.json()["status"] == "expired"
    pinned("prediction-expired", response.json())


def test_a_picture_is_an_input_and_can_be_checked_against_the_certificate(api, cast, nodes):
    inputs = [{"name": "image", "content_type": "image/png", "content": png()}]
    with dispatching(nodes):
        body = api("POST", "predictions", cast.bela, request(inputs=inputs), prefer="wait=20").json()
    assert body["status"] == "certified"
    certificate = api("GET", f"certificates/{body['certificate']['sha256']}", cast.bela).json()
    verdict = api(
        "POST",
        "certificates/verify",
        None,
        {
            "certificate": certificate,
            "providers": [str(cast.node_key.public)],
            "inputs": inputs,
            "salt": body["salt"],
        },
    ).json()
    assert (verdict["valid"], verdict["pinned"], verdict["input_matches"]) == (True, True, True)


def test_many_rows_are_answered_row_by_row(api, cast, nodes):
    inputs = [{"name": "image", "datatype": "FP32", "shape": [3, 64], "data": [[i] * 64 for i in (7, 2, 9)]}]
    with dispatching(nodes):
        body = api("POST", "predictions", cast.bela, request(inputs=inputs), prefer="wait=20").json()
    assert [each["label"] for each in body["answers"]] == ["7", "2", "9"]
    assert body["answer"] == body["answers"][0]


def test_only_so_many_rows_are_put_into_words(api, cast, nodes, monkeypatch):
    monkeypatch.setattr(answers, "MAX_READINGS", 2)
    inputs = [{"name": "image", "datatype": "FP32", "shape": [3, 64], "data": [[i] * 64 for i in (7, 2, 9)]}]
    with dispatching(nodes):
        body = api("POST", "predictions", cast.bela, request(inputs=inputs), prefer="wait=20").json()
    assert [each["label"] for each in body["answers"]] == ["7", "2"]
    assert body["outputs"][0]["shape"] == [3]


# --- idempotency ------------------------------------------------------------------------------------------


def test_the_same_request_under_one_key_is_one_prediction(api, cast, version):
    first = api("POST", "predictions", cast.bela, request(), idempotency_key="a-1")
    second = api("POST", "predictions", cast.bela, request(), idempotency_key="a-1")
    assert first.json()["id"] == second.json()["id"]
    assert second["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert Prediction.objects.count() == 1


def test_a_replay_waits_for_the_first_ones_answer(api, cast, nodes):
    api("POST", "predictions", cast.bela, request(), idempotency_key="a-1")
    with dispatching(nodes):
        replayed = api("POST", "predictions", cast.bela, request(), idempotency_key="a-1", prefer="wait=20")
    assert replayed.json()["status"] == "certified"


def test_another_body_under_the_same_key_is_refused(api, cast, version):
    api("POST", "predictions", cast.bela, request(), idempotency_key="a-1")
    response = api("POST", "predictions", cast.bela, request(deadline=5), idempotency_key="a-1")
    assert response.status_code == 422
    assert problem(response)["code"] == "idempotency-mismatch"
    assert Prediction.objects.count() == 1


def test_what_is_not_published_is_answered_to_keys_that_may_read_it(api, cast):
    answering.digits(cast.asha, published=False)
    for scopes, status in ((("predict", "read"), 201), (("predict",), 404)):
        cast.asha.token = cast.asha.key(*scopes)
        assert api("POST", "predictions", cast.asha, request()).status_code == status


def test_keys_are_each_organisations_own(api, cast, version):
    first = api("POST", "predictions", cast.bela, request(), idempotency_key="a-1").json()
    second = api("POST", "predictions", cast.sam, request(), idempotency_key="a-1").json()
    assert first["id"] != second["id"]


def test_a_refused_request_leaves_its_key_free(api, cast, version):
    refused = api("POST", "predictions", cast.bela, request(model="asha/nothing"), idempotency_key="a-1")
    assert refused.status_code == 404
    assert api("POST", "predictions", cast.bela, request(), idempotency_key="a-1").status_code == 201


# --- reading and withdrawing ------------------------------------------------------------------------------


def test_one_may_wait_for_the_end_of_what_one_asked_before(api, cast, nodes):
    identifier = api("POST", "predictions", cast.bela, request()).json()["id"]
    with dispatching(nodes):
        response = api("GET", f"predictions/{identifier}", cast.bela, prefer="wait=20")
    assert response.json()["status"] == "certified"
    assert response["Preference-Applied"] == "wait=20"
    assert api("GET", f"predictions/{identifier}", cast.bela, prefer="wait=60").json() == response.json()


def test_waiting_for_what_was_asked_before_is_bounded_too(api, cast, version):
    identifier = api("POST", "predictions", cast.bela, request()).json()["id"]
    response = api("GET", f"predictions/{identifier}", cast.bela, prefer="wait=0")
    assert response.json()["status"] == "received"
    refused = api("GET", f"predictions/{identifier}", cast.bela, prefer="wait=soon")
    assert (problem(refused)["code"], problem(refused)["pointer"]) == ("invalid-header", "Prefer")
    assert "Preference-Applied" not in api("GET", f"predictions/{identifier}", cast.bela)


def test_nobody_waits_for_a_client_that_has_left(api, cast, version):
    """The test would take a minute else, and the deadline would pass."""
    identifier = api("POST", "predictions", cast.bela, request(deadline=30)).json()["id"]
    for leaves_first in (True, False):
        asking = presence.Client()
        leaving = threading.Thread(target=asking.leave)
        if leaves_first:
            asking.leave()
        context = contextvars.copy_context()
        context.run(presence.answering, asking)
        leaving.start()
        response = context.run(api, "GET", f"predictions/{identifier}", cast.bela, prefer="wait=60")
        leaving.join()
        assert response.json()["status"] == "received"


def test_a_list_goes_page_by_page_and_shows_nothing_twice(api, cast, version):
    made = [api("POST", "predictions", cast.bela, request()).json()["id"] for _ in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = api("GET", f"predictions?limit=2&cursor={cursor}", cast.bela).json()
        seen += [each["id"] for each in page["results"]]
        cursor = page["next"]
    assert seen == made[::-1]


def test_a_list_of_enormous_answers_does_not_load_them(api, cast, nodes, monkeypatch):
    with dispatching(nodes):
        made = api("POST", "predictions", cast.bela, request(), prefer="wait=20").json()
    assert api("GET", "predictions", cast.bela).json()["results"] == [made]
    monkeypatch.setattr(access, "LISTED", 10)
    (listed,) = api("GET", "predictions", cast.bela).json()["results"]
    assert listed == made | {"outputs": None, "answer": None, "answers": None}
    assert api("GET", f"predictions/{made['id']}", cast.bela).json() == made


def test_a_list_takes_the_same_number_of_queries_however_long(api, cast, version, django_assert_max_num_queries):
    for _ in range(12):
        api("POST", "predictions", cast.bela, request())
    with django_assert_max_num_queries(4):
        assert len(api("GET", "predictions", cast.bela).json()["results"]) == 12


def test_a_prediction_is_its_organisations_alone(api, cast, version):
    identifier = api("POST", "predictions", cast.bela, request()).json()["id"]
    assert api("GET", f"predictions/{identifier}", cast.bela).status_code == 200
    for path in (f"predictions/{identifier}", f"predictions/{identifier}/events"):
        assert api("GET", path, cast.sam).status_code == 404
    assert api("POST", f"predictions/{identifier}/cancel", cast.sam).status_code == 404
    assert api("GET", "predictions", cast.sam).json()["results"] == []


def test_teammates_share_what_their_organisation_asked(api, cast, version):
    identifier = api("POST", "predictions", cast.asha, request()).json()["id"]
    assert api("GET", f"predictions/{identifier}", cast.tariq).json()["id"] == identifier


def test_what_was_withdrawn_is_over_at_once_and_withdrawing_again_changes_nothing(api, cast, version):
    identifier = api("POST", "predictions", cast.bela, request()).json()["id"]
    first = api("POST", f"predictions/{identifier}/cancel", cast.bela)
    second = api("POST", f"predictions/{identifier}/cancel", cast.bela)
    assert first.status_code == second.status_code == 200
    assert second.json()["status"] == "cancelled"
    stages = PredictionEvent.objects.filter(prediction=identifier).order_by("seq").values_list("stage", flat=True)
    assert list(stages) == ["received", "cancelled"]


def test_what_has_ended_cannot_be_withdrawn(api, cast, nodes):
    with dispatching(nodes):
        identifier = api("POST", "predictions", cast.bela, request(), prefer="wait=20").json()["id"]
    response = api("POST", f"predictions/{identifier}/cancel", cast.bela)
    assert response.status_code == 409
    assert problem(response)["code"] == "already-ended"


def test_an_answer_that_comes_after_the_withdrawal_is_thrown_away(api, cast, version, node):
    identifier = api("POST", "predictions", cast.bela, request()).json()["id"]
    nodes = answering.Held([cast.node_key])
    with dispatching(nodes):
        nodes.wait_for_a_question()
        api("POST", f"predictions/{identifier}/cancel", cast.bela)
        nodes.let_go()
    assert api("GET", f"predictions/{identifier}", cast.bela).json()["status"] == "cancelled"
    assert Prediction.objects.get(pk=identifier).certificate is None


def test_the_examples_in_this_file_are_pinned():
    """So that a renamed pin file is noticed."""
    names = {path.stem for path in (Path(__file__).parent / "pinned").glob("*.json")}
    assert {"prediction-certified", "prediction-received", "prediction-expired"} <= names
    assert all(json.loads((Path(__file__).parent / "pinned" / f"{name}.json").read_text()) for name in names)
