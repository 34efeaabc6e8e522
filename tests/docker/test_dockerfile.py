"""The images' recipe: linted, pinned, locked, and made only of what this repository holds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docker.recipes import DOCKERFILE, PINNED, ROOT, copied, inherited, instructions, parents

IMAGES = ("web", "worker", "node", "triton")


def test_hadolint_has_nothing_to_say():
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_base_images_are_pinned():
    defaults = dict(each.text.split("=", 1) for each in instructions() if each.name == "ARG" and "=" in each.text)
    bases = {base for base in parents().values() if base not in parents()}
    assert bases == {"${PYTHON}", "${TRITON}"}
    for base in bases:
        assert PINNED.match(defaults[base.strip("${}")].removeprefix("docker.io/library/"))


def test_what_is_copied_is_there_and_reaches_the_build():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = tuple(line.removeprefix("!") for line in ignored if line.startswith("!"))
    for stage in parents():
        for source in set(copied(stage)) - {"."}:
            assert (ROOT / source).exists(), source
            assert any(Path(source).match(allowed) or allowed.startswith(source) for allowed in let_in), source


def test_nothing_but_what_is_listed_reaches_the_build():
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert lines[0] == "*"
    assert {line.strip("!/*") for line in lines[1:]} & {"", "docker", "docker/secrets", "var", ".git"} == set()


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_as_an_ordinary_user_and_says_what_it_runs(image):
    users = [each.text for each in inherited(image) if each.name == "USER"]
    assert users[-1] == "${UID}:${UID}"
    uid = next(each.text for each in inherited(image) if each.name == "ARG" and each.text.startswith("UID="))
    assert int(uid.removeprefix("UID=")) > 0
    assert any(each.name in ("CMD", "ENTRYPOINT") for each in inherited(image))


def test_installing_goes_through_the_locks():
    """Packages by the hashes of their lock, ours by a builder that is locked too."""
    installing = [part for each in instructions() if each.name == "RUN" for part in each.text.split("&&")]
    installing = [part.strip() for part in installing if re.search(r"\bpip install\b", part)]
    assert len(installing) == 6
    for part in installing:
        assert "--no-deps" in part
        ours = part.endswith("--build-constraints requirements/dev.txt --editable . --editable sdk")
        assert ours or re.search(r"--require-hashes .*--requirement requirements/\w+\.txt$", part)


def test_no_secret_is_passed_in():
    names = {re.split(r"[= ]", each.text)[0] for each in instructions() if each.name == "ARG"}
    assert names == {"PYTHON", "TRITON", "UID"}
    assert not [each for each in instructions() if re.search(r"(?i)secret|password|token|\.key\b", each.text)]


def packages(folder: str) -> set[str]:
    """The packages of ours that the code in `folder` imports."""
    ours = {path.name for path in ROOT.iterdir() if (path / "__init__.py").is_file()}
    pattern = re.compile(r"^\s*(?:from|import)\s+(\w+)", re.MULTILINE)
    found = {name for file in (ROOT / folder).rglob("*.py") for name in pattern.findall(file.read_text("utf-8"))}
    return found & ours


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_every_package_that_its_code_imports(image):
    held = {Path(source).parts[0] for source in copied(image)}
    folders = [source for source in copied(image) if (ROOT / source / "__init__.py").is_file()]
    assert {name: packages(name) - held for name in folders if packages(name) - held} == {}


@pytest.mark.parametrize("image", ["web", "worker"])
def test_the_marketplaces_images_hold_nothing_that_can_use_an_owners_key(image):
    assert not [source for source in copied(image) if source.startswith("node")]
