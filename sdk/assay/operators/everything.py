"""Declares every operator: who imports this finds them all in the registry."""

from assay.operators import elementwise

__all__ = ["elementwise"]
