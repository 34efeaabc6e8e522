"""The self-test in Triton's environment, whose NumPy is another; and where a library has changed the processor."""

import subprocess

import pytest

from assay.errors import Refused, Unavailable
from inference import repository
from stack import setup, triton
from stack.tree import ROOT
from tests import disturbing
from tests.inference import models
from tests.inference.test_reproducible_runtime import soon

ASK = """
import numpy as np
print(np.__version__)
if PROMOTES:
    np._set_promotion_state("weak")
from assay.program import selftest
from assay.program.running import Reference
from native.implementation import best
for implementation in (Reference, best(say=print)):
    try:
        selftest.require(implementation)
    except selftest.WrongMachine as error:
        print(error)
"""


def asked(*, promotes):
    """What NumPy 1 and the self-test say, in a process of Triton's environment."""
    triton.install(setup.ENVIRONMENT, ROOT / "requirements" / "triton.txt")
    python = setup.ENVIRONMENT / "bin" / "python"
    script = ASK.replace("PROMOTES", str(promotes))
    argv = [python, "-I", "-B", "-c", script]
    version, _, said = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout.partition("\n")
    assert version.startswith("1.")
    return said


def test_numpy_1_gives_the_known_hashes_by_the_rules_that_the_runtime_sets():
    assert asked(promotes=True) == ""


def test_numpy_1_by_its_own_rules_is_refused():
    assert "promotes types by its old rules" in asked(promotes=False)


async def test_a_model_whose_process_flushes_subnormals_does_not_load_and_says_so(
    server, client, tmp_path, monkeypatch
):
    """As a careless library does that is imported beside the runtime."""
    library = disturbing.compiled(tmp_path, "both are flushed")
    file = repository.RUNTIMES / "reproducible_model.py"
    loading = f"import ctypes\nctypes.CDLL({str(library)!r})\nimport json\n"
    runtime = file.read_text("utf-8").replace("import json\n", loading, 1)
    (tmp_path / file.name).write_text(runtime, "utf-8")
    monkeypatch.setattr(repository, "RUNTIMES", tmp_path)
    made = models.written(server, models.affine(columns=7), tmp_path, "reproducible")
    with pytest.raises(
        (Refused, Unavailable), match=r"not-reproducible-here: .*flushes subnormal numbers to zero"
    ):
        await client.load(made.name, soon())
