"""The compose file: valid by the Compose specification, locked down, and true to what our programs know."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from marketplace.environment import ADDRESSES, variables
from tests.docker.recipes import COMPOSE, PINNED, compose, parents

SERVICES: dict[str, dict[str, Any]] = compose()["services"]
ONCE = {"migrate", "grant"}  # services that end
OWN = [name for name, service in SERVICES.items() if service["image"].startswith("assay/")]


def schema() -> dict[str, Any]:
    text = files("check_jsonschema.builtin_schemas.vendor").joinpath("compose-spec.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def test_it_is_valid_by_the_specification():
    jsonschema.Draft202012Validator(schema()).validate(compose())


def test_a_misspelt_key_would_be_found():
    wrong = json.loads(json.dumps(compose()))
    wrong["services"]["web"]["helthcheck"] = {}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema()).validate(wrong)


def test_every_process_is_there():
    assert set(SERVICES) == {
        *("migrate", "grant", "web", "worker", "outbox", "beat"),
        *("postgres", "redis"),
        *("node", "triton", "triton-gpu"),
    }


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_or_built_here(name):
    service = SERVICES[name]
    if name in OWN:
        assert service["build"]["target"] in parents()
        assert service["build"]["dockerfile"] == "docker/Dockerfile"
    else:
        assert PINNED.match(service["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_locked_down(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    if name not in [*OWN, "postgres"]:  # ours name their user in the image; PostgreSQL drops root by itself
        assert not service["user"].startswith("0")


@pytest.mark.parametrize("name", OWN)
def test_a_service_of_ours_is_given_only_settings_that_exist(name):
    known = {row.name for row in variables().values()} | {f"{address}_FILE" for address in ADDRESSES}
    assert set(SERVICES[name].get("environment", {})) - known == set()


@pytest.mark.parametrize("name", SERVICES)
def test_a_secret_is_a_file_and_never_a_value(name):
    service = SERVICES[name]
    given = {key: str(value) for key, value in service.get("environment", {}).items()}
    for key, value in given.items():
        if re.search("SECRET|PASSWORD|KEY|URL_FILE", key) and "PUBLIC" not in key:
            assert key.endswith("_FILE")
            assert value.removeprefix("/run/secrets/") in service["secrets"]
    assert not re.search(r"://[^/\s]*:[^/\s]+@", " ".join([*given.values(), str(service.get("command", ""))]))


def test_secrets_are_made_by_the_script_beside_the_file():
    script = (COMPOSE.parent / "secrets.sh").read_text("utf-8")
    made = set(re.findall(r"\| new (\S+)|^\s+.*\| new (\S+)", script, re.MULTILINE))
    for name, secret in compose()["secrets"].items():
        assert secret == {"file": f"secrets/{name}"}
        assert name in {part for pair in made for part in pair}


def test_only_migrations_hold_the_owners_password():
    """What serves connects as a role that can neither migrate nor rewrite what stands."""
    holding = {name for name in OWN if {"owner_url", "postgres_app"} & set(SERVICES[name].get("secrets", []))}
    assert holding == ONCE
    assert all(SERVICES[name]["environment"]["DATABASE_URL_FILE"] == "/run/secrets/owner_url" for name in holding)
    script = (COMPOSE.parent / "secrets.sh").read_text("utf-8")
    assert re.search(r"postgresql://assay_app:\S+ .*postgres_app\)\" \| new database_url", script)
    assert SERVICES["grant"]["command"][3] == "assay_app"


def test_only_the_web_server_is_published():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["web"]


def test_owner_and_stores_share_no_network():
    def reach(name: str) -> set[str]:
        return set(SERVICES[name]["networks"])

    assert reach("postgres") == reach("redis") == {"stores"}
    assert compose()["networks"]["stores"] == {"internal": True}
    assert compose()["networks"]["owner"] == {"internal": True}
    assert "stores" not in reach("node") | reach("triton")
    assert reach("triton") == reach("triton-gpu") == {"owner"}


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_waited_for_can_be_waited_for(name):
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        if wait["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other] or "HEALTHCHECK" in COMPOSE.with_name("Dockerfile").read_text()
        else:
            assert wait["condition"] == "service_completed_successfully"
            assert other in ONCE


def test_the_gpu_profile_reserves_the_gpus_and_answers_to_the_same_name():
    gpu, cpu = SERVICES["triton-gpu"], SERVICES["triton"]
    assert (gpu["profiles"], cpu["profiles"]) == (["gpu"], ["cpu"])
    (device,) = gpu["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert gpu["networks"] == {"owner": {"aliases": ["triton"]}}
    assert gpu["command"] == cpu["command"]


def test_every_volume_and_network_is_declared():
    for service in SERVICES.values():
        for mount in service.get("volumes", []):
            assert mount.split(":")[0] in compose()["volumes"]
        assert set(service["networks"]) <= set(compose()["networks"])
