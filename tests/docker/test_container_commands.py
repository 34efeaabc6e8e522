"""What the containers run exists: programs, commands, options, and a worker for every queue."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
import uvicorn
from celery.bin.celery import celery
from django.conf import settings
from django.core.management import get_commands

from marketplace.celery import SWEEPS, app
from stack import setup, triton
from tests.docker.recipes import KUBERNETES, compose, inherited, manifests
from tests.docs.test_commands import wrong_click

BUILT = ("web", "worker", "node", "triton")


def dockerfile(image: str) -> list[str]:
    """What an image runs unless it is told otherwise."""
    found = {each.name: json.loads(each.text) for each in inherited(image) if each.name in ("CMD", "ENTRYPOINT")}
    return [*found.get("ENTRYPOINT", []), *found.get("CMD", [])]


def compose_commands() -> dict[str, list[str]]:
    services = {name: each for name, each in compose()["services"].items() if each["image"].startswith("assay/")}
    return {f"compose/{name}": each["command"] for name, each in services.items() if "command" in each}


def kubernetes_commands() -> dict[str, list[str]]:
    found = {}
    for manifest in manifests(KUBERNETES / "marketplace"):
        spec = manifest["spec"].get("template", {}).get("spec", {}) if "spec" in manifest else {}
        for container in [*spec.get("initContainers", []), *spec.get("containers", [])]:
            if "args" in container:
                found[f"kubernetes/{container['name']}"] = container["args"]
    return found


COMMANDS = {f"image/{name}": dockerfile(name) for name in BUILT} | compose_commands() | kubernetes_commands()


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_container_runs_exists(name):
    program, *words = COMMANDS[name]
    match program:
        case "celery":
            assert words[0] == "--app=marketplace"
            assert wrong_click(celery, words[1:]) == ""
        case "uvicorn":
            assert wrong_click(uvicorn.main, words[1:]) == ""
            assert words[0].replace(":", ".") == settings.ASGI_APPLICATION
        case "python":
            assert words[0] == "manage.py"
            assert words[1] in get_commands()
        case "assay-node":
            from node.cli import main

            assert wrong_click(main, words) == ""
        case "tritonserver":
            assert {word.partition("=")[0] for word in words} <= options_of_triton()
        case _:
            pytest.fail(f"unknown program {program}")


def options_of_triton() -> set[str]:
    """Of the server that the tests run, which is older than the image's."""
    argv, env = triton.command(setup.ENVIRONMENT, setup.backends(), setup.BACKENDS, port=0)
    done = subprocess.run([argv[0], "--help"], env=env, capture_output=True, text=True, check=False)
    return set(re.findall(r"--[\w-]+", done.stdout + done.stderr))


def test_celery_finds_the_marketplaces_app():
    from celery.app.utils import find_app

    assert find_app("marketplace") is app


@pytest.mark.parametrize("where", ["compose", "kubernetes"])
def test_every_queue_has_a_worker(where):
    listening = [COMMANDS["image/worker"], *(each for name, each in COMMANDS.items() if name.startswith(where))]
    queues = {
        word.removeprefix("--queues=") for each in listening for word in each if word.startswith("--queues=")
    }
    assert queues == {queue for _, queue in SWEEPS.values()} | {app.conf.task_default_queue}
