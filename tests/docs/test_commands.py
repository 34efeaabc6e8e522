"""Every command in a page exists: the program is ours or known, and so are its commands, options and targets."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec

import click
import pytest

from tests.docs.blocks import Block, blocks, commands
from tests.docs.repository import ROOT
from tests.docs.test_names import TARGET

OURS = {"assay": "assay.cli", "assay-node": "node.cli"}
OTHERS = {
    *("apt-get", "docker", "git", "kubectl", "pip", "sudo", "systemctl"),
    *("cat", "chmod", "cp", "curl", "head", "ls", "mkdir", "sed", "sha256sum", "tar", "tr"),
    *(".", "cd", "echo", "export", "test"),
}
SHELL = blocks("sh", "sh live", "sh torch")


def wrong(command: list[str]) -> str:
    """What is wrong with a command; nothing if it can be typed as it stands."""
    program, *words = command
    if program in OURS:
        return wrong_click(import_module(OURS[program]).main, words)
    if program == "make":
        goals = {word for word in words if "=" not in word and not word.startswith("-")}
        unknown = goals - set(TARGET.findall((ROOT / "Makefile").read_text("utf-8")))
        return f"no target {sorted(unknown)}" if unknown else ""
    if program == "python" and words[:1] == ["-c"]:
        ast.parse(words[1])
        return ""
    if program == "python" and words[:1] == ["-m"]:
        return "" if find_spec(words[1]) else f"no module {words[1]}"
    if program == "python" and words[:1] == ["manage.py"]:
        from django.core.management import get_commands

        return "" if words[1] in get_commands() else f"no command manage.py {words[1]}"
    if (ROOT / program).is_file() or program in OTHERS:
        return wrong_files(words)
    return f"unknown program {program}"


def wrong_click(command: click.Command, words: list[str]) -> str:
    context = click.Context(command)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        found = command.get_command(context, name)
        if found is None:
            return f"no command {name}"
        command, context = found, click.Context(found, parent=context)
    options = {
        name for parameter in command.get_params(context) for name in (*parameter.opts, *parameter.secondary_opts)
    }
    unknown = [
        word for word in words if word.startswith("-") and word != "-" and word.split("=")[0] not in options
    ]
    return f"{command.name}: no option {unknown}" if unknown else ""


def wrong_files(words: list[str]) -> str:
    """Files of this repository that are named and are not there."""
    ours = [word for word in words if re.match(r"^(docker|docs|requirements|tests)/", word)]
    made = ("docker/secrets", "docker/.env")
    missing = [word for word in ours if not word.startswith(made) and not (ROOT / word).exists()]
    return f"no file {missing}" if missing else ""


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_commands_exist(block: Block):
    assert [(command, why) for command in commands(block.text) if (why := wrong(command))] == []


@pytest.mark.parametrize("block", blocks("python", "python live", "python together"), ids=str)
def test_python_compiles_and_its_imports_exist(block: Block):
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom):
            module = import_module(node.module or "")
            assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []
        elif isinstance(node, ast.Import):
            assert [import_module(alias.name) for alias in node.names]


def test_every_block_says_what_it_is():
    run_or_checked = {"sh", "sh live", "console", "python", "python live", "python together", "console together"}
    run_or_checked |= {"sh torch", "python torch", "console torch"}
    kinds = run_or_checked | {"", "javascript", "json", "mermaid", "text", "toml", "yaml"}
    assert [str(block) for block in blocks() if block.kind not in kinds] == []


def test_the_programs_are_what_we_install():
    scripts = {each.name: each.value for each in entry_points(group="console_scripts") if each.name in OURS}
    assert scripts == {name: f"{module}:main" for name, module in OURS.items()}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("assay verify x.json --provider ed25519:00", ""),
        ("assay verify x.json --nobody", "verify: no option ['--nobody']"),
        ("assay bless x.json", "no command bless"),
        ("make up PORT=9000", ""),
        ("make love", "no target ['love']"),
        ("docker compose --file docker/compose.yml up", "no file ['docker/compose.yml']"),
        ("frobnicate", "unknown program frobnicate"),
    ],
)
def test_a_command_that_does_not_exist_is_found(text, why):
    (command,) = commands(text)
    assert wrong(command) == why


def test_commands_are_read_as_a_shell_reads_them():
    text = "N=$(sed -n p <x | tr a b)\nfor F in a b; do\n  cp $F y\ndone\n"
    assert commands(text) == [["sed", "-n", "p"], ["tr", "a", "b"], ["cp", "$F", "y"]]
    text = "# why\nA=1 cat <<'X' | jq . > out\nignored\nX\ncurl -d '{\n \"a\": 1}' \\\n  $URL/x && ls  # end\n"
    assert commands(text) == [["cat"], ["jq", "."], ["curl", "-d", '{\n "a": 1}', "$URL/x"], ["ls"]]
