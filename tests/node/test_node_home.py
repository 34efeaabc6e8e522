"""A node's folder: private, whole or not there, one process at a time."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from assay.errors import Refused, Unavailable
from node.cli import main
from node.config import Config
from node.home import Home, default_home, write_atomically

CONFIG = Config(name="alice-1")


def mode(path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_home_is_its_owners_alone(tmp_path):
    home = Home(tmp_path / "node")
    key = home.create(CONFIG)
    assert [mode(path) for path in (home.root, home.spool, home.key, home.config)] == [0o700, 0o700, 0o600, 0o600]
    assert home.load_key().public == key.public
    assert home.load_config() == CONFIG


def test_init_says_what_comes_next_for_this_very_folder(tmp_path):
    place = tmp_path / "my node"
    done = CliRunner().invoke(main, ["init", "--home", str(place), "--name", "alice-1"])
    assert f"start Triton on {place}/models" in done.output
    for step in ("doctor", "run", "join"):
        assert f"assay-node {step} --home '{place}'" in done.output


def test_a_doctor_without_a_node_says_once_what_makes_one(tmp_path):
    done = CliRunner().invoke(main, ["doctor", "--home", str(tmp_path)])
    assert done.exit_code == 1
    assert done.output.count("`assay-node init` makes one.") == 1


def test_a_home_is_made_once(tmp_path):
    home = Home(tmp_path)
    key = home.create(CONFIG)
    with pytest.raises(Refused, match="a node here already"):
        home.create(CONFIG)
    assert home.load_key().public == key.public


def test_an_interrupted_init_is_gone_on_with_and_keeps_its_key(tmp_path):
    home = Home(tmp_path)
    key = home.create(CONFIG)
    home.config.unlink()  # the last thing that init writes
    assert home.create(CONFIG).public == key.public


def test_a_key_that_others_can_read_is_refused(tmp_path):
    home = Home(tmp_path)
    home.create(CONFIG)
    home.key.chmod(0o640)
    with pytest.raises(Refused, match="readable by others"):
        home.load_key()


def test_a_missing_key_or_configuration_says_what_makes_one(tmp_path):
    for load in (Home(tmp_path).load_key, Home(tmp_path).load_config):
        with pytest.raises(Refused, match="assay-node init"):
            load()


def test_a_home_is_used_by_one_process_at_a_time(tmp_path):
    home = Home(tmp_path)
    with home.locked(), pytest.raises(Unavailable, match="another process"), home.locked():
        pytest.fail("entered twice")
    with home.locked():
        pass


def test_the_variable_says_where_home_is(monkeypatch, tmp_path):
    monkeypatch.setenv("ASSAY_NODE_HOME", str(tmp_path))
    assert default_home() == tmp_path
    monkeypatch.delenv("ASSAY_NODE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_home() == tmp_path / ".assay-node"


def test_a_file_is_replaced_whole_even_after_an_interrupted_write(tmp_path):
    path = tmp_path / "file"
    (tmp_path / ".file.part").write_bytes(b"left over")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert mode(path) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
