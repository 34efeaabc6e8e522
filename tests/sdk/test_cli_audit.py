"""`assay audit` by exit code: 0 nothing found, 1 something, 2 usage; --check: 0 stands, 1 does not, 3 unpinned."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from msgspec import structs

from assay import receipt
from assay.agreement.blame import making, transcript
from assay.agreement.blame.evidence import parse
from assay.agreement.blame.transcript import Transcript, Vote
from assay.agreement.issue import issue
from assay.agreement.votes import Abstained, Erred
from assay.cli import main
from assay.digest import Tag
from docs.vectors.group import DIGITS, followed
from docs.vectors.sample import digit
from tests.sdk.blaming import Group

FOUR, OTHERS = Group(), Group(slug="others")
RIGHT = issue(FOUR.certified(range(3)), [])
SECOND = issue(FOUR.certified(range(1, 4), content=b"b"), [])
VOTES = FOUR.vote(1, "prepare"), FOUR.vote(1, "prepare", entry=b"b")
BATCHES = FOUR.batch(2, (b"r", b"m", Erred())), FOUR.batch(2, (b"r", b"m", Abstained()))
EVIDENCE = making.double_vote(FOUR.epochs, *VOTES)


@pytest.fixture
def files(tmp_path):
    heard = Transcript(transcript.FORMAT, FOUR.epochs, VOTES, BATCHES, (), (), ())
    for name, content in {
        "right.json": RIGHT.to_json().encode(),
        "right.receipt.json": receipt.Receipt.of(RIGHT, bytes(32)).to_json().encode(),
        "second.cbor": SECOND.to_cbor(),
        "direct.cbor": digit().certificate.to_cbor(),
        "heard.cbor": heard.to_cbor(),
        "evidence.cbor": EVIDENCE.to_cbor(),
        "evidence.json": EVIDENCE.to_json().encode(),
        "false.cbor": EVIDENCE.to_cbor().replace(EVIDENCE.votes[0].signature, EVIDENCE.votes[1].signature),
        "garbage.cbor": b"\xff",
    }.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def audit(files, *arguments):
    known = {path.name for path in files.iterdir()}
    paths = [str(files / each) if each in known or each == "out" else each for each in arguments]
    return CliRunner().invoke(main, ["audit", *paths])


PIN, STRANGE = FOUR.digest.hex(), OTHERS.digest.hex()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["right.json", "right.receipt.json", "direct.cbor"], 0, "Nothing found."),
        (["right.json", "second.cbor"], 1, "owner1 and owner2 committed to two different entries at number 7"),
        (["right.receipt.json", "second.cbor", "--group", PIN], 1, "1 found"),
        (["right.json", "second.cbor", "--group", STRANGE], 0, "Nothing was looked into"),
        (["heard.cbor"], 1, "owner2 said that its model could not answer and abstained of one request"),
        (["heard.cbor", "evidence.json", "evidence.cbor"], 1, "2 found"),
        (
            ["evidence.cbor"],
            1,
            "owner1 prepared two different things at number 7 in view 0, in epoch 0 of group digits",
        ),
        (["false.cbor"], 0, "1 proved nothing"),
        (["garbage.cbor"], 2, "garbage.cbor"),
        (["nowhere.cbor"], 2, "No such file"),
        ([], 2, "name files"),
        (["right.json", "--group", "xyz"], 2, "not a digest"),
        (["--check", "evidence.cbor", "--group", PIN], 0, "guilty: owner1, member 1, ed25519:"),
        (["--check", "evidence.json", "--group", STRANGE, "--group", PIN], 0, "It stands."),
        (["--check", "evidence.cbor"], 3, f"--group {PIN}"),
        (["--check", "evidence.cbor", "--group", STRANGE], 1, "not named"),
        (["--check", "false.cbor", "--group", PIN], 1, "signature does not verify"),
        (["--check", "right.json", "--group", PIN], 1, "error"),
        (["--check", "evidence.cbor", "right.json"], 2, "neither FILES"),
    ],
    ids=lambda each: (
        " ".join(each).replace(PIN, "PIN").replace(STRANGE, "STRANGE") if isinstance(each, list) else ""
    ),
)
def test_the_exit_code_says_what_was_found(files, arguments, code, says):
    result = audit(files, *arguments)
    assert (result.exit_code, says in result.output) == (code, True), result.output


def test_what_is_written_out_can_be_checked_by_itself(files):
    result = audit(files, "right.json", "second.cbor", "heard.cbor", "--out", "out")
    written = sorted((files / "out").iterdir())
    assert (result.exit_code, len(written)) == (1, 3), result.output
    for path in written:
        assert path.read_bytes() == parse(path.read_bytes()).to_cbor()
        assert CliRunner().invoke(main, ["audit", "--check", str(path), "--group", PIN]).exit_code == 0


def in_epoch(group, entry: bytes) -> Vote:
    """Member 1 of a group that is in a later epoch prepares that entry."""
    unsigned = Vote("prepare", 1, 0, group.configuration.digest, 12, entry * 32, bytes(64))
    signed = unsigned.ballot(group.name, group.configuration.epoch).digest(Tag.AGREEMENT_PREPARE)
    return structs.replace(unsigned, signature=group.keys[1].sign(Tag.AGREEMENT_PREPARE, signed))


def test_a_group_is_named_by_its_genesis_or_by_any_later_configuration_that_is_shown(tmp_path):
    now = followed(followed(DIGITS, 5), 9)
    fork = followed(DIGITS, 5, changes={"grace": 9})
    evidence = making.double_vote(now.epochs, in_epoch(now, b"a"), in_epoch(now, b"b"))
    path = tmp_path / "evidence.cbor"
    path.write_bytes(evidence.to_cbor())
    for epoch in now.epochs:
        named = ["--group", epoch.configuration.digest.hex()]
        checked = CliRunner().invoke(main, ["audit", "--check", str(path), *named])
        assert (checked.exit_code, "It stands." in checked.output) == (0, True), checked.output
        assert CliRunner().invoke(main, ["audit", str(path), *named]).exit_code == 1
    strange = ["--group", fork.configuration.digest.hex()]
    assert CliRunner().invoke(main, ["audit", "--check", str(path), *strange]).exit_code == 1
    assert "Nothing was looked into" in CliRunner().invoke(main, ["audit", str(path), *strange]).output


def test_a_chain_that_only_claims_the_configuration_that_is_named_proves_nothing(tmp_path):
    """The named one in front, one of strangers after it that nobody has approved."""
    now, pin = followed(DIGITS, 5), DIGITS.configuration.digest.hex()
    unapproved = structs.replace(now.epochs[1], approvals=())
    evidence = making.double_vote((now.epochs[0], unapproved), in_epoch(now, b"a"), in_epoch(now, b"b"))
    path = tmp_path / "evidence.cbor"
    path.write_bytes(evidence.to_cbor())
    assert CliRunner().invoke(main, ["audit", "--check", str(path), "--group", pin]).exit_code == 1


def test_a_file_may_hold_several_documents_of_any_kind(files):
    """As `assay-node transcript` writes them."""
    votes = [Transcript(transcript.FORMAT, FOUR.epochs, (vote,), (), (), (), ()).to_cbor() for vote in VOTES]
    together = files / "together.cbor"
    together.write_bytes(b"".join([votes[0], SECOND.to_cbor(), digit().certificate.to_cbor(), votes[1]]))
    result = audit(files, "together.cbor")
    assert (result.exit_code, "Looked into" in result.output, "1 found." in result.output) == (1, False, True)
    together.write_bytes(votes[0] + votes[1][:-1])
    assert audit(files, "together.cbor").exit_code == 2
    together.write_bytes(b"")
    assert audit(files, "together.cbor").exit_code == 2


def test_a_name_from_a_file_cannot_repaint_the_terminal(files):
    """An owner is a slug, so the configuration itself is refused."""
    (files / "x.cbor").write_bytes(EVIDENCE.to_cbor().replace(b"owner1", b"owne\x1b1"))
    assert audit(files, "x.cbor").exit_code == 2
