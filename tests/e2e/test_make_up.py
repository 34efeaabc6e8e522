"""What `make up` brings up: everything answers, and what it prints and writes down is true."""

from __future__ import annotations

import json
import os
import shlex
import signal
import stat
import subprocess
import time
from io import StringIO

import httpx
import psutil
import pytest
from rich.console import Console as Rich

from demo import groups
from demo.entries import OWNERS, entries
from stack import showing
from stack.console import Console
from stack.showing import USER_FIELDS
from stack.tree import ROOT
from tests.stack.conftest import DEADLINE


@pytest.fixture(scope="module")
def shown(site):
    return showing.ask(site.market.url, site.users)


def carry_out(curl):
    """The request of a printed curl line, sent without a shell."""
    words = shlex.split(curl)
    assert words[:2] == ["curl", "-sS"]
    headers = dict(words[i + 1].split(": ", 1) for i, word in enumerate(words) if word == "-H")
    return httpx.post(words[2], headers=headers, content=words[words.index("-d") + 1], timeout=60, trust_env=False)


def test_every_owners_models_are_published_and_measured(site):
    every = httpx.get(f"{site.market.url}/api/v1/models?limit=50", trust_env=False).json()["results"]
    assert {model["slug"] for model in every} >= {f"{entry.owner}/{entry.slug}" for entry in entries()}
    for entry in entries():
        model = next(model for model in every if model["slug"] == f"{entry.owner}/{entry.slug}")
        assert model["serving"]
        measured = {metric["name"]: metric["value"] for metric in model["version"]["metrics"]}
        assert measured == pytest.approx(measured | entry.metrics, abs=1e-5)


def test_the_printed_lines_do_what_they_say(shown):
    out = StringIO()
    showing.present(shown, Console(Rich(file=out, width=80, soft_wrap=True)))
    *asked, verify = (line for line in out.getvalue().splitlines() if line.startswith("curl "))
    for curl, mode in zip(asked, ("direct", "agreement"), strict=True):
        answer = carry_out(curl)
        assert answer.status_code == 201
        assert (answer.json()["status"], answer.json()["answer"]["text"]) == ("certified", "3")
        assert answer.json()["verification"]["mode"] == mode
    assert _pasted(verify).returncode == 0
    other = verify.replace(shown.groups[-1].genesis, shown.groups[0].genesis)
    assert _pasted(other).returncode == 1, "another group's genesis"


def _pasted(line):
    bin_ = "/usr/local/bin:/usr/bin:/bin"
    return subprocess.run(["sh", "-c", line], cwd=ROOT, env={"PATH": bin_}, capture_output=True, check=False)


def homes(site):
    """The folders of the owners' nodes."""
    return [site.market.tree.var / "nodes" / slug for slug in OWNERS]


def test_demo_json_has_what_is_promised_for_this_account_alone(site, shown, tmp_path):
    path = tmp_path / "demo.json"
    showing.write(path, shown)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    plain = json.loads(path.read_bytes())
    assert plain.keys() == {"url", "users", "groups", "models"}
    assert plain["url"] == shown.url
    assert all(user.keys() == set(USER_FIELDS) and all(user.values()) for user in plain["users"])
    assert {user["role"] for user in plain["users"]} >= {"owner", "buyer", "staff"}
    assert {model["slug"] for model in plain["models"]} >= {f"{entry.owner}/{entry.slug}" for entry in entries()}
    assert {group["slug"] for group in plain["groups"]} == {plan.slug for plan in groups.PLANS}
    for group in plain["groups"]:
        assert all((home / "groups" / group["genesis"]).is_dir() for home in homes(site)), "its members know it"
        assert httpx.get(group["url"], trust_env=False).status_code == 200
    assert [entry.name for entry in tmp_path.iterdir()] == ["demo.json"]


def test_secrets_are_readable_by_this_account_alone_and_in_no_log(site, shown):
    secrets = {user[field] for user in shown.users for field in ("password", "api_key")}
    for path in (site.market.tree.var / "secrets").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        if path.name in {"django", "redis"}:
            secrets.add(path.read_text().strip())
    logs = {path: path.read_text("utf-8", "replace") for path in site.market.tree.logs.iterdir()}
    assert len(logs) == len(site.services)
    assert [path for path, text in logs.items() for secret in secrets if secret in text] == []


def test_an_owners_key_is_on_that_owners_machine_only(site):
    nodes = site.market.tree.var / "nodes"
    keys = {slug: (nodes / slug / "key").read_text().strip() for slug in OWNERS}
    assert len(set(keys.values())) == len(OWNERS)
    elsewhere = [path for path in site.market.tree.var.rglob("*") if path.is_file() and path.name != "key"]
    small = [path for path in elsewhere if path.stat().st_size < 2**20]
    found = [path for path in small for key in keys.values() if key.encode() in path.read_bytes()]
    assert found == []


def test_a_killed_triton_and_a_killed_node_come_back_and_answer(site, shown):
    question = shown.direct.replace("asha/digits", "bruno/digits")
    for name in ("tritonserver", "assay-node"):
        os.kill(_pid(name, site.market.tree.var / "nodes" / "bruno"), signal.SIGKILL)
        end = time.monotonic() + DEADLINE
        while (answer := carry_out(question).json())["status"] != "certified":
            assert time.monotonic() < end, answer
        assert answer["answer"]["text"] == "3"


def _pid(program, home):
    """The process that runs `program` for the node at `home`."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any(program in word for word in words[:2]) and any(str(home) in word for word in words):
            return process.pid
    raise AssertionError(f"no {program} for {home}")
