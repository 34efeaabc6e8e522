"""What `assay-node doctor` says of reproducible operators. test_node_with_triton.py lets it see a node."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from assay.errors import Unavailable
from assay.operators import VERSION
from native import loader
from node.cli import main
from node.config import Config
from node.home import Home
from tests import disturbing

DISTURBED = """
import ctypes, sys
from node.cli import main
ctypes.CDLL(sys.argv.pop(1))
main()
"""


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path / "node")
    made.create(Config(name="alice-1"))
    return made.root


def words(output):
    """Without the ends of lines, which depend on the terminal."""
    return " ".join(output.split())


def test_the_specification_s_bits(home):
    done = CliRunner().invoke(main, ["doctor", "--home", str(home)])
    told = f"ok reproducible operators: the specification's bits (version {VERSION})"
    assert told in words(done.output), done.exc_info


def test_a_machine_that_flushes_subnormals_is_a_problem(home, tmp_path):
    made = disturbing.compiled(tmp_path, "both are flushed")
    argv = [sys.executable, "-c", DISTURBED, made, "doctor", "--home", home]
    done = subprocess.run(argv, check=False, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert "problem reproducible operators: this machine flushes subnormal numbers to zero → a library" in words(
        done.stdout
    )


def test_a_machine_without_kernels_is_told_what_to_install(home, monkeypatch):
    def nothing():
        raise Unavailable("no compiled kernels", hint=loader.HINT)

    monkeypatch.setattr(loader, "load", nothing)
    said = CliRunner().invoke(main, ["doctor", "--home", str(home)]).output
    assert "→ reproducible models run slowly here: no compiled kernels. apt-get install gcc" in words(said)
