"""Declares every operator: who imports this finds them all in the registry."""

from assay.operators import elementwise, moving

__all__ = ["elementwise", "moving"]
