"""`assay check-model`: exit code 0 if fit for the modes asked about, 1 if not, 2 for usage; words and JSON."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from hashlib import sha256

import numpy as np
import pytest
from click.testing import CliRunner

from assay.cli import main
from assay.modelfile.report import LIMITS
from tests.sdk.program.building import model, node, tensor

UNKNOWN = "Det"  # no reproducible operator


def onnx(nodes, width=4):
    return model(
        nodes, [tensor("x", "n", width)], [tensor("y", "n", width)], one=np.float32(1)
    ).SerializeToString()


FILES = {
    "good.onnx": onnx([node("Add", "x one", "y")]),
    "odd.onnx": onnx([node(UNKNOWN, "x", f"d{i}", name=f"layer{i}") for i in range(30)] + [node("Neg", "x", "y")]),
    "bad.onnx": b"no model",
    "hostile.onnx": onnx([node("Neg", "x", "y"), node(UNKNOWN, "x", "d", name="\x1b[2Jgone\u202e" + "n" * 900)]),
}


@pytest.fixture
def check(tmp_path):
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)

    def run(file, *options, **more):
        return CliRunner().invoke(main, ["check-model", str(tmp_path / file), *options], **more)

    return run


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["good.onnx"], 0),
        (["good.onnx", "--mode", "refereed"], 0),
        (["odd.onnx"], 1),
        (["odd.onnx", "--mode", "refereed"], 1),
        (["odd.onnx", "--mode", "direct"], 0),
        (["bad.onnx"], 1),
        (["bad.onnx", "--mode", "direct"], 1),
        (["nowhere.onnx"], 2),
        (["good.onnx", "--mode", "prayer"], 2),
    ],
)
def test_exit_codes(check, arguments, code):
    result = check(*arguments)
    assert result.exit_code == code, result.output
    json_too = check(*arguments, "--json")
    assert json_too.exit_code == code


def test_standard_input():
    result = CliRunner().invoke(main, ["check-model", "-"], input=FILES["good.onnx"])
    assert result.exit_code == 0, result.output


def test_a_good_model_is_described_and_possible_in_every_mode(check):
    said = check("good.onnx").output
    assert "x (FP32, rows × 4)" in said
    assert "1 parameter; 1 node: 1 Add" in said
    assert re.search(r"refereed +yes +Settled by a referee, not offered yet", said)
    assert "reproducible operators, version 1; 132 bytes of memory for one row" in said
    assert "Possible: direct, agreement, refereed." in said


def test_what_stands_in_the_way_is_named_node_by_node_and_said_once(check):
    said = check("odd.onnx").output
    assert said.count(f"{UNKNOWN}: the operator") == 1
    assert "layer0 at /graph/node/0; layer1" in " ".join(said.split())
    assert "10 more" in said
    assert "Not possible: refereed." in said
    alone = check("odd.onnx", "--mode", "direct").output
    assert "Possible: direct." in alone
    assert UNKNOWN + ":" not in alone


def test_json_says_everything(check):
    report = json.loads(check("odd.onnx", "--json").output)
    assert report["sha256"] == sha256(FILES["odd.onnx"]).hexdigest()
    assert report["size"] == len(FILES["odd.onnx"])
    assert report["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]
    assert (report["operators"], report["opsets"]) == ({UNKNOWN: 30, "Neg": 1}, {"ai.onnx": 21})
    assert report["reproducible"] is None
    assert [each["node"] for each in report["findings"]] == [f"layer{i}" for i in range(30)]
    modes = {each["name"]: each for each in report["modes"]}
    assert modes["direct"]["possible"]
    assert modes["direct"]["offered_today"]
    assert not modes["refereed"]["possible"]
    assert not modes["refereed"]["offered_today"]
    assert modes["refereed"]["obstacles"] == list(range(30))
    assert report["exit"] == 1
    good = json.loads(check("good.onnx", "--json", "--mode", "refereed").output)
    assert good["reproducible"] == {"version": 1, "memory": 4 + 64 + 64, "nodes": 1, "length": 0}
    assert [each["name"] for each in good["modes"]] == ["refereed"]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("width", [32, 200])
def test_it_fits_the_terminal(check, file, width):
    head, *lines = check(file, env={"COLUMNS": str(width)}).output.splitlines()
    assert max(map(len, lines)) <= width
    assert not any(each != each.rstrip() for each in lines)
    assert "SHA-256" in head, "of one line, so that it can be copied"


def test_names_from_the_file_move_no_cursor(check):
    said = check("hostile.onnx").output
    assert "gone" in said
    assert said.isprintable() or all(char.isprintable() or char == "\n" for char in said)


def test_a_file_beyond_the_limit_is_refused(check, tmp_path):
    with (tmp_path / "large.onnx").open("wb") as file:
        file.truncate(LIMITS.file_bytes + 1)
    result = check("large.onnx")
    assert result.exit_code == 1
    assert "the file is too large" in result.output


def test_a_package_that_is_missing_is_named_with_the_line_that_installs_it(tmp_path):
    script = "import sys; sys.modules['onnx'] = None; from assay.cli import main; main()"
    file = tmp_path / "m.onnx"
    file.write_bytes(FILES["good.onnx"])
    done = subprocess.run(
        [sys.executable, "-c", script, "check-model", file], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "pip install 'assay[reproducible]'" in done.stderr
