"""rotate-key, interrupted at any line and run again: never without a key, never without the statement for it."""

from __future__ import annotations

import sys

from click.testing import CliRunner

from assay import cbor
from assay.fields import plain
from assay.jsonform import from_json
from assay.keys import PrivateKey
from assay.rotation import KeyRotation
from node.commands import rotate_key
from node.commands.rotate_key import replace_key
from node.config import Config
from node.epochs import EPOCH
from node.home import Home
from tests.lines import at_line
from tests.sdk import groups


class Interrupted(BaseException):
    pass


def interrupt_at(line):
    """A trace function that raises when the `line`-th line of rotate_key.py is about to run."""

    def interrupt() -> None:
        raise Interrupted

    return at_line(line, {rotate_key.__file__}, interrupt)


def heirs(home: Home, first: PrivateKey):
    """The keys that the kept statements lead to, from `first` on."""
    statements = [from_json(path.read_text(), KeyRotation) for path in home.retired.glob("*.rotation.json")]
    named = dict(statement.verify() for statement in statements)
    key = first.public
    while key in named:
        key = named[key]
    return key


def test_interrupted_anywhere_and_run_again_the_key_and_its_pedigree_are_whole(tmp_path):
    line, done = 0, False
    while not done:
        home = Home(tmp_path / str(line))
        first = home.create(Config(name="alice-1"))
        sys.settrace(interrupt_at(line))
        try:
            replace_key(home)
            done = True
        except Interrupted:
            pass
        finally:
            sys.settrace(None)
        between = home.load_key().public
        assert heirs(home, first) == between or between == first.public, "a key without its statement"
        replace_key(home)
        assert heirs(home, first) == home.load_key().public != first.public
        retired = {PrivateKey.load(path).public for path in home.retired.glob("*.key")}
        assert first.public in retired
        assert {path.stat().st_mode & 0o777 for path in home.retired.iterdir()} == {0o600}
        line += 1
    assert line > 10


def test_a_member_of_groups_is_told_what_a_new_key_costs_and_asked(tmp_path):
    home = Home(tmp_path / "node")
    first = home.create(Config(name="alice-1"))
    keys = groups.keys()
    epoch = groups.genesis([first, *keys[1:]])
    folder = home.groups / epoch.configuration.digest.hex()
    folder.mkdir(parents=True)
    (folder / EPOCH).write_bytes(cbor.encode(plain(epoch)))
    no = CliRunner().invoke(rotate_key.command, ["--home", str(home.root)], input="n\n")
    assert no.exit_code != 0
    assert "drops out of digits" in " ".join(no.output.split())
    assert home.load_key().public == first.public
    yes = CliRunner().invoke(rotate_key.command, ["--home", str(home.root), "--yes"], catch_exceptions=False)
    assert yes.exit_code == 0
    assert home.load_key().public != first.public
