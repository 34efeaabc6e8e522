"""The check: three facts kept apart, nothing raised over a document, nothing loaded that a buyer does not need."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import direct, merkle
from assay.certificate import DirectCertificate
from assay.digest import Tag
from assay.errors import NotVerified, Refused
from assay.tensor import Tensor
from assay.verify import Trust, check, verify
from docs.vectors.sample import DIGIT, PROVIDER, STRANGER, TIME, digit

NOW = TIME + 1000
OTHER = "ab" * 32


def named(*providers):
    return Trust.of([str(key.public) for key in providers])


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64])
def test_every_certificate_of_a_batch_verifies_under_one_signature(count):
    certificates = direct.issue(PROVIDER, [DIGIT.statement(number) for number in range(count)])
    assert len({certificate.evidence.signature for certificate in certificates}) == 1
    for certificate in certificates:
        assert verify(certificate.to_cbor(), named(PROVIDER), now=NOW).exit_code == 0


def test_an_empty_batch_is_not_signed():
    with pytest.raises(Refused):
        direct.issue(PROVIDER, [])


def test_outputs_that_do_not_fit_are_not_signed():
    statement = DIGIT.statement(0)
    with pytest.raises(Refused):
        direct.statement(
            statement.request,
            target=statement.target,
            model=statement.models[0],
            input_digest=statement.input,
            outputs=statement.outputs[:1],
            time_ms=TIME,
        )


def test_outputs_are_signed_in_the_interfaces_order(sample):
    statement = DIGIT.statement(0)
    again = direct.statement(
        statement.request,
        target=statement.target,
        model=statement.models[0],
        input_digest=statement.input,
        outputs=statement.outputs[::-1],
        time_ms=TIME,
    )
    assert again == statement


@pytest.mark.parametrize(
    ("trust", "pinned", "code"),
    [
        (Trust(), None, 3),
        (named(PROVIDER), True, 0),
        (named(STRANGER), False, 1),
        (named(STRANGER, PROVIDER), True, 0),
        (Trust.of(groups=[OTHER]), False, 1),
        (Trust.of([str(PROVIDER.public)], groups=[OTHER]), True, 0),
        (Trust.of(groups=[PROVIDER.public.raw.hex()]), False, 1),
        (Trust.of(models=[OTHER]), False, 1),
    ],
)
def test_pinned_is_a_fact_of_its_own(sample, trust, pinned, code):
    report = verify(sample.certificate.to_cbor(), trust, now=NOW)
    assert (report.valid, report.pinned, report.exit_code) == (True, pinned, code)


def test_a_model_narrows_but_anchors_nothing(sample):
    model = sample.certificate.statement.models[0].commitment.hex()
    forged = digit(key=STRANGER).certificate
    assert verify(forged.to_cbor(), Trust.of(models=[model]), now=NOW).exit_code == 3
    both = Trust.of([str(PROVIDER.public)], models=[model])
    assert verify(sample.certificate.to_cbor(), both, now=NOW).exit_code == 0
    assert verify(forged.to_cbor(), both, now=NOW).exit_code == 1


def test_a_forgery_with_fresh_keys_is_valid_and_never_accepted(sample):
    forged = digit(key=STRANGER).certificate.to_cbor()
    assert verify(forged, Trust(), now=NOW).exit_code == 3
    assert verify(forged, named(PROVIDER), now=NOW).exit_code == 1
    with pytest.raises(NotVerified, match="nobody you named"):
        verify(forged, Trust(), now=NOW).require(pinned=True)


def test_the_input_is_a_fact_of_its_own(sample):
    document = sample.certificate.to_cbor()
    ones = (Tensor.of("image", np.ones((1, 64), np.float32)),)
    two_rows = (Tensor.of("image", np.zeros((2, 64), np.float32)),)
    for inputs, salt, matches in (
        (sample.inputs, sample.salt, True),
        (sample.inputs, bytes(32), False),
        (ones, sample.salt, False),
        (two_rows, sample.salt, False),
        ((), sample.salt, False),
        (sample.inputs * 2, sample.salt, False),
        (sample.inputs, b"short", False),
    ):
        report = verify(document, named(PROVIDER), inputs=inputs, salt=salt, now=NOW)
        assert (report.valid, report.pinned, report.input_matches) == (True, True, matches)
        assert report.exit_code == (0 if matches else 1)


def test_a_certificate_with_other_rows_than_the_input_is_not_about_it(sample):
    said = sample.certificate.statement
    twice = tuple(
        msgspec.structs.replace(each, shape=(2 * each.shape[0], *each.shape[1:]), data=2 * each.data)
        for each in said.outputs
    )
    certificate = direct.issue(PROVIDER, [msgspec.structs.replace(said, outputs=twice)])[0]
    report = check(certificate, named(PROVIDER), inputs=sample.inputs, salt=sample.salt, now=NOW)
    assert (report.valid, report.pinned, report.input_matches) == (True, True, False)
    assert report.findings[0].code == "wrong-rows"


def test_an_input_without_its_salt_is_a_mistake_of_the_callers(sample):
    with pytest.raises(Refused, match="salt"):
        verify(sample.certificate.to_cbor(), Trust(), inputs=sample.inputs)


@pytest.mark.parametrize(("now", "valid"), [(TIME, True), (TIME - 600_000, True), (TIME - 600_001, False)])
def test_a_time_ahead_of_the_clock_by_more_than_clocks_differ_is_refused(sample, now, valid):
    assert verify(sample.certificate.to_cbor(), Trust(), now=now).valid == valid


def test_the_clock_of_the_machine_is_used_unless_another_is_given(sample):
    assert verify(sample.certificate.to_cbor(), Trust()).valid


@given(st.binary(max_size=100))
def test_nothing_is_raised_over_what_a_document_holds(document):
    report = verify(document, Trust())
    assert (report.valid, report.exit_code, report.certificate) == (False, 1, None)


@given(data=st.data())
def test_no_damaged_certificate_is_accepted_and_none_makes_the_check_fail(sample, data):
    document = bytearray(sample.certificate.to_cbor())
    for _ in range(data.draw(st.integers(1, 3))):
        document[data.draw(st.integers(0, len(document) - 1))] = data.draw(st.integers(0, 255))
    if bytes(document) != sample.certificate.to_cbor():
        assert not verify(bytes(document), Trust(), now=NOW).valid


def test_several_faults_are_all_reported(sample):
    statement = msgspec.structs.replace(sample.certificate.statement, time=0, outcome="failed", caveats=())
    broken = msgspec.structs.replace(sample.certificate, statement=statement)
    found = {finding.pointer for finding in verify(broken.to_cbor(), named(STRANGER), now=NOW).findings}
    assert found == {
        "/statement/time",
        "/statement/outcome",
        "/statement/caveats",
        "/evidence/signature",
        "/evidence",
    }


def test_a_statement_cannot_be_moved_between_batches(sample):
    other = direct.issue(PROVIDER, [DIGIT.statement(100 + number) for number in range(5)])[2]
    mixed = DirectCertificate("assay-certificate/1", sample.certificate.statement, other.evidence)
    assert not verify(mixed.to_cbor(), Trust(), now=NOW).valid


def test_a_batch_cannot_hide_a_statement_in_place_of_an_inner_node():
    """The signed count fixes the tree's shape, so an inner node's preimage has no place as a leaf."""
    statements = [DIGIT.statement(number) for number in range(4)]
    leaves = [each.digest(Tag.STATEMENT_DIRECT) for each in statements]
    rows = merkle.levels(leaves)
    with pytest.raises(NotVerified):
        merkle.root_from_path(leaves[0], 0, 2, merkle.path_in(rows, 0))


# --- trust files ------------------------------------------------------------------------------------------


def test_a_trust_file_names_what_the_options_name(tmp_path):
    path = tmp_path / "trust.toml"
    key = str(PROVIDER.public)
    path.write_text(f'providers = ["{key}"]\ngroups = ["{OTHER}"]\nmodels = ["{OTHER}"]\n')
    assert Trust.load(path) == Trust.of([key], [OTHER], [OTHER])
    assert Trust.parse(b"") == Trust()
    assert Trust.of([key]) | Trust.of(groups=[OTHER]) == Trust.of([key], [OTHER])


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"providers = 'x'", "/providers"),
        (b"providers = ['x']", "/providers/0"),
        (b"groups = ['" + b"0" * 63 + b"']", "/groups/0"),
        (b"models = [1]", "/models/0"),
        (b"provider = []", ""),
        (b"providers = [", ""),
        (b"\xff", ""),
        (b"a = " + b"[" * 100_000, ""),
    ],
)
def test_a_wrong_trust_file_is_refused_naming_the_entry(tmp_path, content, where):
    path = tmp_path / "trust.toml"
    path.write_bytes(content)
    with pytest.raises(Refused) as refusal:
        Trust.load(path)
    assert refusal.value.pointer == f"{path}{where}"


# --- what is loaded ---------------------------------------------------------------------------------------


def loaded(code: str) -> set[str]:
    """Top-level packages that a fresh interpreter has loaded after `code`."""
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    return {name.partition(".")[0] for name in output.split()}


def test_checking_loads_no_server_no_model_runtime_and_no_http_client():
    modules = loaded("import assay.verify, assay.direct, assay.receipt")
    assert not modules & {"onnx", "onnxruntime", "django", "tritonclient", "httpx", "PIL", "rich", "click"}


def test_importing_the_package_loads_nothing_else():
    assert not loaded("import assay") & {"numpy", "msgspec", "httpx", "nacl"}


def test_every_public_name_is_there():
    import assay

    for name in assay.__all__:
        assert getattr(assay, name).__name__ == name
    with pytest.raises(AttributeError):
        assay.nothing  # noqa: B018
