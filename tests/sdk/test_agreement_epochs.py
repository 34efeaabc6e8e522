"""Certificates from later epochs: believed for a chain of approvals back to what is pinned, not for less."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import assume, given
from hypothesis import strategies as st

from assay.agreement.blame import evidence as blame
from assay.agreement.blame import making, transcript
from assay.agreement.blame.guilt import require_guilt
from assay.agreement.blame.transcript import Transcript
from assay.agreement.chain import require_chain
from assay.agreement.evidence import require_signed
from assay.agreement.group import MAX_EPOCHS
from assay.certificate import parse
from assay.cli import main
from assay.errors import AssayError, NotVerified, Refused
from assay.verify import Trust, anchor, check, verify
from assay.verify.audit import audit
from docs.vectors.chains import GROWN, OF_STRANGERS, REPLACED, SHRUNK, THREE, TWO
from docs.vectors.group import CERTIFIED, DIGITS, Case, Group, followed, signed
from docs.vectors.sample import TIME
from tests.sdk import chaining

change = msgspec.structs.replace
NOW = TIME + 1000


def judged(document, *pins):
    return verify(document, Trust(groups=frozenset(pins)), now=NOW)


def names(case):
    return [each.configuration.digest for each in case.evidence.epochs]


# --- what holds -------------------------------------------------------------------------------------------


@given(chaining.cases(), st.data())
def test_a_chain_holds_whoever_came_left_or_changed_a_key_and_any_epoch_of_it_may_be_pinned(case, data):
    certificate, digests = case.certificate, names(case)
    pinned = data.draw(st.integers(0, len(digests) - 1))
    for document in (certificate.to_cbor(), certificate.to_json().encode()):
        assert parse(document) == certificate
        assert (judged(document).exit_code, judged(document).epochs) == (3, tuple(range(len(digests))))
        report = judged(document, digests[pinned])
        assert (report.exit_code, report.findings) == (0, ())
        assert report.epochs == tuple(range(pinned, len(digests)))


@given(chaining.cases(), st.data())
def test_no_damaged_chain_is_overlooked(case, data):
    document = data.draw(chaining.damaged(case.certificate))
    assume(document)
    assert not judged(document, *names(case)).valid


@pytest.mark.parametrize("approving", [*combinations(range(4), 3), (0, 1, 2, 3)])
def test_three_of_four_approve_whoever_they_are(approving):
    assert require_chain(replace(REPLACED, approving=approving).epochs) == REPLACED.configuration


@pytest.mark.parametrize("approving", [*combinations(range(4), 2), (3,), ()])
def test_fewer_do_not(approving):
    with pytest.raises(NotVerified, match="too few") as refusal:
        require_chain(replace(REPLACED, approving=approving).epochs)
    assert (refusal.value.code, refusal.value.pointer) == ("wrong-quorum", "/1/approvals")


@pytest.mark.parametrize("approving", [(0, 1, 2, 3), (1, 2, 4, 6)])
def test_four_of_seven_do_not(approving):
    with pytest.raises(NotVerified, match="too few"):
        require_chain(replace(SHRUNK, approving=approving).epochs)


def test_what_is_wrong_in_which_epoch_is_said():
    first, second, third = SHRUNK.epochs
    broken = change(third, consents=third.consents[::-1])
    with pytest.raises(NotVerified) as refusal:
        require_chain((first, second, broken))
    assert refusal.value.pointer == "/2/consents/0"


def test_a_chain_found_right_once_is_not_taken_for_another():
    first, second, third = SHRUNK.epochs
    forged = change(third, approvals=third.approvals[:4])
    for _ in range(2):
        assert require_chain((first, second, third)) == third.configuration
        with pytest.raises(NotVerified):
            require_chain((first, second, forged))
        with pytest.raises(NotVerified):
            require_chain((second, third))


def long(epochs: int) -> Group:
    group = DIGITS
    for _ in range(epochs - 1):
        group = followed(group, group.last + 1)
    return group


def test_a_group_has_as_many_epochs_as_a_certificate_may_hold_and_no_more():
    longest = long(MAX_EPOCHS)
    case = replace(CERTIFIED, group=longest, entry={"number": MAX_EPOCHS})
    assert judged(case.certificate.to_cbor(), DIGITS.name).exit_code == 0
    further = followed(longest, longest.last + 1)
    beyond = replace(CERTIFIED, group=further, entry={"number": further.last + 1})
    with pytest.raises(Refused, match="epochs"):
        parse(beyond.certificate.to_cbor())


# --- whom one trusts --------------------------------------------------------------------------------------


def test_a_later_epoch_of_a_group_of_strangers_is_by_nobody_who_was_named():
    document = OF_STRANGERS.certificate.to_cbor()
    assert judged(document).exit_code == 3
    assert judged(document, *names(TWO)).exit_code == 1


def test_an_epoch_that_is_yet_to_come_pins_nothing():
    assert judged(CERTIFIED.certificate.to_cbor(), REPLACED.configuration.digest).exit_code == 1
    assert judged(TWO.certificate.to_cbor(), GROWN.configuration.digest).exit_code == 1


def test_the_latest_of_several_pins_says_whose_keys_are_trusted():
    first, second, third = names(THREE)
    document = THREE.certificate.to_cbor()
    assert judged(document, first, third).epochs == (2,)
    assert judged(document, second, bytes(32)).epochs == (1, 2)


def test_keys_of_an_ended_epoch_lead_elsewhere_only_him_who_trusts_them():
    """A quorum of the first members lends its old keys; a pin of the epoch that did follow is proof against it."""
    usurped = followed(DIGITS, 3, owners=("mallory", "bruno", "chidi", "dana"))
    document = replace(TWO, group=usurped).certificate.to_cbor()
    assert judged(document, DIGITS.name).exit_code == 0
    assert judged(document, REPLACED.configuration.digest).exit_code == 1


def test_a_later_pin_is_no_reason_to_believe_what_comes_before():
    first, second = REPLACED.epochs
    forged = change(first, consents=first.consents[::-1])
    certificate = change(TWO.certificate, evidence=change(TWO.evidence, epochs=(forged, second)))
    report = check(certificate, Trust(groups=frozenset([second.configuration.digest])), now=NOW)
    assert (report.pinned, report.valid, report.exit_code) == (True, False, 1)


def test_the_group_is_named_by_its_genesis_in_every_epoch():
    for case in (CERTIFIED, TWO, THREE):
        assert str(anchor(case.certificate)) == f"group {DIGITS.digest}"


# --- who its members are ----------------------------------------------------------------------------------


def test_members_and_models_are_those_of_the_certificates_own_epoch():
    said = "\n".join(judged(TWO.certificate.to_cbor()).claims)
    assert "emeka was silent" in said
    assert "with the keys of epoch 1" in said
    assert "dana" not in said
    models = Case(REPLACED, CERTIFIED.votes[3:] * 4).certificate.statement.models
    assert models == tuple(member.model for member in REPLACED.configuration.members)


def test_a_member_keeps_its_name_where_its_place_has_changed():
    said = "\n".join(judged(THREE.certificate.to_cbor()).claims)
    for words in ("emeka voted one", "asha voted two", "committed to by emeka, farah, goran (3 of 4 members)"):
        assert words in said


# --- on the command line ----------------------------------------------------------------------------------


def run(folder, case, *arguments):
    path = folder / "c.cbor"
    path.write_bytes(case.certificate.to_cbor())
    return CliRunner().invoke(main, ["verify", str(path), *arguments])


@pytest.mark.parametrize(
    ("pin", "trusted"),
    [
        (0, "of each of epochs 0, 1 and 2"),
        (1, "of each of epochs 1 and 2"),
        (2, "of epoch 2"),
    ],
)
def test_the_output_says_whose_keys_are_trusted(tmp_path, pin, trusted):
    shown = run(tmp_path, THREE, "--group", names(THREE)[pin].hex())
    assert shown.exit_code == 0
    assert f"the keys of 2f + 1 members {trusted}\n" in shown.stdout
    assert json.loads(run(tmp_path, THREE, "--group", names(THREE)[pin].hex(), "--json").stdout)["epochs"] == list(
        range(pin, 3)
    )


def test_unpinned_it_says_what_to_name_for_all_epochs_and_for_the_last_alone(tmp_path):
    shown = run(tmp_path, THREE)
    assert shown.exit_code == 3
    assert "each of epochs 0, 1 and 2" in shown.stdout
    for digest in (names(THREE)[0], names(THREE)[-1]):
        assert f"--group {digest.hex()}" in shown.stdout
    assert "alone" not in run(tmp_path, CERTIFIED).stdout


def test_a_trust_file_may_name_a_later_epoch(tmp_path):
    (tmp_path / "trust.toml").write_text(f'groups = ["{names(THREE)[1].hex()}"]\n')
    assert run(tmp_path, THREE, "--trust", str(tmp_path / "trust.toml")).exit_code == 0


# --- blame ------------------------------------------------------------------------------------------------


def test_who_rewrites_the_log_of_a_later_epoch_is_named_by_its_configuration():
    one = replace(TWO, committing=(0, 1, 3))
    other = replace(one, entry={"content": bytes(32)}, committing=(1, 2, 3))
    found = audit([one.evidence, other.evidence])
    (evidence,) = found.evidence
    assert blame.parse(evidence.to_cbor()) == evidence
    assert [each.owner for each in require_guilt(evidence, DIGITS.name)] == ["bruno", "emeka"]
    assert found.unproven == 0


def test_a_transcript_of_a_later_epoch_is_read_and_looked_into():
    commitments = tuple(
        making.commitment(replace(TWO, entry={"content": bytes([i]) * 32}).evidence) for i in (1, 2)
    )
    heard = Transcript(transcript.FORMAT, REPLACED.epochs, (), (), commitments, (), ())
    assert transcript.parse(heard.to_cbor()) == heard
    (evidence,) = audit([heard]).evidence
    assert [each.owner for each in require_guilt(evidence, DIGITS.name)] == ["asha", "bruno", "chidi"]


def test_an_epoch_that_nobody_approved_convicts_nobody():
    """Liars put a member where its words come to something else: in a group of seven its entry is a miscount."""
    liars = replace(GROWN, approving=(0, 1))
    (genesis, made_up) = liars.epochs
    miscount = replace(TWO, outcome="contested", group=liars, committing=(0, 1, 2, 3, 4), votes=(1,) * 7)
    assert audit([miscount.evidence]).evidence == ()
    (evidence,) = audit([replace(miscount, group=GROWN).evidence]).evidence
    require_guilt(evidence, DIGITS.name)
    with pytest.raises(AssayError, match="too few"):
        require_guilt(change(evidence, epochs=(genesis, made_up)), DIGITS.name)


@pytest.mark.parametrize(
    ("followed_", "shown"), [(REPLACED, GROWN), (GROWN, REPLACED)], ids=["of four", "of seven"]
)
def test_who_followed_one_of_two_drafts_of_an_epoch_is_not_blamed_by_the_other(followed_, shown):
    """The first member consents to both, and counts for its own; all others approve and sign what they like."""
    size = followed_.configuration.n
    own = Case(followed_, (1,) * size, committing=tuple(range(size))).evidence
    forged = change(own, epochs=shown.epochs, commits=())
    others = signed(forged, shown.keys, range(1, shown.configuration.quorum))
    framing = change(forged, commits=(own.commits[0], *others.commits))
    require_signed(framing)
    assert audit([own, framing]).evidence == ()
