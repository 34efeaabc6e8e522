"""A rotation stands only if both keys signed exactly what it says."""

from __future__ import annotations

import msgspec
import pytest

from assay import jsonform
from assay.errors import NotVerified
from assay.keys import PrivateKey
from assay.rotation import KeyRotation, rotate

OLD, NEW, MALLORY = (PrivateKey(bytes([n]) * 32) for n in (1, 2, 3))
STATEMENT = rotate(OLD, NEW, 1_800_000_000_000)


def test_a_rotation_names_old_and_new_and_survives_the_trip_as_json():
    again = jsonform.from_json(jsonform.to_json(STATEMENT), KeyRotation)
    assert again == STATEMENT
    assert again.verify() == (OLD.public, NEW.public)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("old", MALLORY.public.raw),
        ("new", MALLORY.public.raw),
        ("time", STATEMENT.time + 1),
        ("old_signature", rotate(MALLORY, NEW, STATEMENT.time).old_signature),
        ("new_signature", rotate(OLD, MALLORY, STATEMENT.time).new_signature),
        ("old_signature", STATEMENT.new_signature),
        ("new_signature", STATEMENT.old_signature),
    ],
)
def test_a_rotation_with_one_field_changed_does_not_stand(field, value):
    with pytest.raises(NotVerified):
        msgspec.structs.replace(STATEMENT, **{field: value}).verify()


def test_a_key_cannot_be_taken_over_by_naming_it():
    """Mallory's key may not be made heir to OLD's name by OLD alone, nor may Mallory become NEW's predecessor."""
    for forged in (rotate(OLD, MALLORY, 1), rotate(MALLORY, NEW, 1)):
        claimed = msgspec.structs.replace(forged, old=OLD.public.raw, new=NEW.public.raw)
        with pytest.raises(NotVerified):
            claimed.verify()
