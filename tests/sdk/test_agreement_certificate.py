"""A group's certificate: issued from the evidence alone, and refused if any part of it says anything else."""

from __future__ import annotations

import msgspec
import pytest

from assay.agreement.issue import issue
from assay.certificate import AgreementCertificate, parse
from assay.errors import NotVerified
from assay.verify import Trust, check, verify
from tests.sdk import groups

replace = msgspec.structs.replace
GROUP = groups.evidence().group


@pytest.fixture(scope="module")
def certificate() -> AgreementCertificate:
    return issue(groups.evidence(), ())


def test_it_is_valid_and_pinned_by_the_genesis_alone(certificate):
    assert check(certificate, Trust()).exit_code == 3
    assert check(certificate, Trust(groups=frozenset([GROUP]))).exit_code == 0
    assert check(certificate, Trust(providers=frozenset([GROUP]))).exit_code == 1


def test_it_survives_both_encodings(certificate):
    assert parse(certificate.to_cbor()) == certificate
    assert parse(certificate.to_json().encode()) == certificate


def test_a_wholly_forged_group_is_valid_and_not_pinned():
    forged = issue(groups.evidence(groups.keys(first=101)), ())
    assert verify(forged.to_cbor(), Trust()).exit_code == 3
    assert verify(forged.to_cbor(), Trust(groups=frozenset([GROUP]))).exit_code == 1


def test_what_was_not_committed_to_is_not_issued():
    evidence = groups.evidence()
    with pytest.raises(NotVerified, match="too few"):
        issue(replace(evidence, commits=evidence.commits[:2]), ())
