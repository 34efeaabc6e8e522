"""Certificates as stored: the canonical bytes, by their SHA-256, never changed."""

from __future__ import annotations

from django.db import models

from marketplace.accounts.models import Organisation


class Certificate(models.Model):
    """Immutable: the database refuses UPDATE and DELETE by trigger (see the migration).

    Every column after `document` repeats what stands in it, so that a list of predictions needs no parsing.
    """

    sha256 = models.BinaryField(max_length=32, unique=True)
    document = models.BinaryField()  # canonical CBOR
    mode = models.CharField(max_length=32)
    outcome = models.CharField(max_length=12)
    anchor_kind = models.CharField(max_length=12)  # provider | group: whose word it rests on
    anchor = models.CharField(max_length=80)
    caveats = models.JSONField()  # what is not promised
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", db_index=False
    )  # whose it is
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.hex

    @property
    def hex(self) -> str:
        return bytes(self.sha256).hex()
