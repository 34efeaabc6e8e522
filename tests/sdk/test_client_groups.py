"""Groups through the client and the command: asked by name, pinned by genesis, believed in nothing unchecked."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from assay import AsyncClient, Client, oip
from assay.certificate import AgreementCertificate
from assay.cli import main
from assay.errors import NotVerified, Refused, Unavailable
from assay.receipt import Receipt, read
from assay.verify import Trust
from tests.sdk.test_cli_server import Http, http_serving
from tests.sdk.test_client import KEY, problem

GOOD = Path(__file__).resolve().parents[2] / "docs" / "vectors" / "good"
SLUG = "digits"


@dataclass
class Shop:
    """The API's shapes over one published certificate of a group."""

    name: str
    changes: dict

    def __post_init__(self):
        found, self.salt = read((GOOD / f"{self.name}.receipt.json").read_bytes())
        assert isinstance(found, AgreementCertificate)
        self.certificate = found
        self.content = (GOOD / f"{self.name}.input.png").read_bytes()
        self.requests = []

    @property
    def slug(self):
        return self.certificate.evidence.configuration.slug

    @property
    def genesis(self):
        return self.certificate.evidence.group.hex()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path.removeprefix("/api/v1/")
        if path == "predictions":
            return httpx.Response(201, json=self.prediction())
        if path.startswith("certificates/"):
            return httpx.Response(200, content=self.certificate.to_cbor())
        if path == f"groups/{self.slug}":
            return httpx.Response(200, json={"slug": self.slug, "genesis": self.genesis})
        if path == "groups":
            second = request.url.params.get("cursor") == "second"
            cards, following = ([{"slug": "two"}], None) if second else ([{"slug": "one"}], "second")
            return httpx.Response(200, json={"results": cards, "next": following})
        return problem(404, code="not-found", detail="there is no such thing")

    def prediction(self):
        statement, digest = self.certificate.statement, self.certificate.id.hex()
        return {
            "id": str(uuid.UUID(bytes=statement.request)),
            "status": statement.outcome,
            "outputs": [oip.to_json(each) for each in statement.outputs] or None,
            "certificate": {"sha256": digest},
            "salt": self.salt.hex(),
            "completed": "2026-09-21T14:13:21Z",
            **self.changes,
        }


def shop(name="group-certified", **changes):
    return Shop(name, changes)


def ask(server, **options):
    with Client("http://assay.test", KEY, transport=httpx.MockTransport(server), sleep=lambda _: None) as assay:
        return assay.predict(**({"group": server.slug, "image": server.content} | options))


def test_a_group_is_asked_in_its_own_mode_and_pinned_by_its_genesis():
    server = shop()
    prediction = ask(server, trust=Trust.of(groups=[server.genesis]))
    asked = json.loads(server.requests[0].content)
    assert (asked["group"], asked["verification"], "model" in asked) == (server.slug, {"mode": "agreement"}, False)
    assert (prediction.target, prediction.report.exit_code) == (f"group:{server.slug}", 0)
    assert not prediction.answers[0].contested


def test_another_group_of_the_same_name_is_not_the_one_that_is_trusted():
    with pytest.raises(NotVerified):
        ask(shop(), trust=Trust.of(groups=["ab" * 32]))


def test_what_is_contested_is_no_answer():
    prediction = ask(shop("group-contested"))
    assert (prediction.status, prediction.answers[0].contested) == ("contested", True)


def test_a_group_that_failed_gives_no_prediction():
    failed = {"status": "failed", "error": {"code": "group-failed", "detail": "too few members answered"}}
    with pytest.raises(Unavailable, match="too few members"):
        ask(shop("group-failed", **failed))


@pytest.mark.parametrize(
    "options",
    [{"group": "another"}, {"group": "", "target": "asha/digits"}, {"verify": "direct"}, {"params": {"votes": 4}}],
    ids=str,
)
def test_a_certificate_of_something_else_is_refused(options):
    with pytest.raises(NotVerified) as caught:
        ask(shop(), **options)
    assert caught.value.code == "wrong-request"


def test_more_votes_are_asked_for_and_found_in_the_certificate():
    server = shop("group-contested-for-more-votes")
    votes = server.certificate.evidence.asked.least
    assert votes > 0
    ask(server, params={"votes": votes})
    assert json.loads(server.requests[0].content)["verification"] == {"mode": "agreement", "votes": votes}
    with pytest.raises(NotVerified, match="another request"):
        ask(server, params={"votes": votes + 1})


@pytest.mark.parametrize(
    "wrong", [{"group": ""}, {"target": "asha/digits"}, {"group": "A b"}, {"group": "x" * 64}]
)
def test_one_thing_is_asked_by_a_name_that_it_can_have(wrong):
    server = shop()
    with pytest.raises(Refused):
        ask(server, **wrong)
    assert server.requests == []


def test_groups_are_listed_page_by_page_and_shown():
    server = shop()
    with Client("http://assay.test", transport=httpx.MockTransport(server)) as assay:
        assert [each["slug"] for each in assay.groups()] == ["one", "two"]
        assert assay.group(server.slug)["genesis"] == server.genesis
        with pytest.raises(Refused):
            assay.group("../keys")


def test_the_asynchronous_client_does_the_same():
    server = shop()

    async def main():
        async with AsyncClient("http://assay.test", transport=httpx.MockTransport(server)) as assay:
            slugs = [each["slug"] async for each in assay.groups()]
            prediction = await assay.predict(group=server.slug, image=server.content)
            return slugs, (await assay.group(server.slug))["slug"], prediction.target

    assert asyncio.run(main()) == (["one", "two"], server.slug, f"group:{server.slug}")


# --- the command ------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch):
    server = shop()
    (tmp_path / "digit.png").write_bytes(server.content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("ASSAY_API_KEY", KEY)
    with http_serving(Http(server)) as http:
        monkeypatch.setenv("ASSAY_URL", http.url)
        yield lambda *words: (CliRunner().invoke(main, ["predict", *words, "--image", "digit.png"]), server)


def test_a_group_is_asked_and_trusted_on_the_command_line(run, tmp_path):
    genesis = shop().genesis
    result, server = run("--group", shop().slug, "--group", genesis, "--save", "receipt.json")
    assert result.exit_code == 0, result.output
    assert "you named nobody" not in result.stdout
    kept, _ = read((tmp_path / "receipt.json").read_bytes())
    assert kept == server.certificate
    assert isinstance(Receipt.of(kept, server.salt), Receipt)


def test_whom_to_trust_is_said_where_nobody_was_named(run):
    result, _ = run("--group", shop().slug)
    assert result.exit_code == 0
    assert "see --group" in result.stdout


@pytest.mark.parametrize("words", [(), ("asha/digits", "--group", "digits"), ("--group", "a", "--group", "b")])
def test_one_thing_is_asked_on_the_command_line(run, words):
    result, server = run(*words)
    assert (result.exit_code, server.requests) == (2, [])


def test_a_group_of_strangers_is_refused_on_the_command_line(run):
    result, _ = run("--group", shop().slug, "--group", "ab" * 32)
    assert (result.exit_code, result.stdout) == (1, "")
