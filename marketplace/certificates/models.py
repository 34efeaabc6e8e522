"""Certificates as stored: the canonical bytes, by their SHA-256, never changed."""

from __future__ import annotations

from django.db import models

from marketplace.accounts.models import Organisation


class Certificate(models.Model):
    """Immutable: the database refuses UPDATE by trigger (see the migration)."""

    sha256 = models.BinaryField(max_length=32, unique=True)
    document = models.BinaryField()  # canonical CBOR
    mode = models.CharField(max_length=32)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")  # whose it is
    created = models.DateTimeField(auto_now_add=True)

    @property
    def hex(self) -> str:
        return bytes(self.sha256).hex()

    def __str__(self) -> str:
        return self.hex
