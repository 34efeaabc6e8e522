"""What a check found: three facts kept apart, whose word the evidence rests on, and every reason why not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from assay.certificate import AnyCertificate
from assay.errors import AssayError, NotVerified
from assay.verify.anchors import Anchor
from assay.verify.claims import claims, trusted

TRUSTED, FALSE, UNPINNED = 0, 1, 3  # exit codes; 2 is the command line's own, for usage errors


@dataclass(frozen=True)
class Report:
    """The outcome of `assay.verify.verify`.

    `valid`: the evidence proves the statement. `pinned`: the anchor is one that the caller named; None when the
    caller named none. `input_matches`: the input given is the one spoken of; None when none was given. The three
    are independent: a forger's certificate may well be valid. `epochs`: of a group, those of which 2f + 1 members'
    keys are trusted by whoever believes it.
    """

    certificate: AnyCertificate | None  # None when the bytes are not a certificate at all
    valid: bool
    pinned: bool | None
    input_matches: bool | None
    anchor: Anchor | None
    epochs: tuple[int, ...]
    findings: tuple[AssayError, ...]

    @cached_property
    def claims(self) -> tuple[str, ...]:
        """What the certificate says, in plain words; proven only where `valid`."""
        return claims(self.certificate, self.anchor) if self.certificate and self.anchor else ()

    @property
    def trusted(self) -> str:
        """Whose keys one trusts who believes it, in words; empty where that is the provider's alone."""
        return trusted(self.epochs)

    @property
    def caveats(self) -> tuple[str, ...]:
        """What is not promised, in the certificate's own words."""
        return self.certificate.statement.caveats if self.certificate else ()

    @property
    def exit_code(self) -> int:
        """0 only for valid, pinned and, where an input was given, matching; 3 for valid but unpinned; else 1."""
        if not self.valid or self.pinned is False or self.input_matches is False:
            return FALSE
        return TRUSTED if self.pinned else UNPINNED

    def require(self, *, pinned: bool = False) -> None:
        """Raises the first finding; with `pinned`, NotVerified also where the caller named no anchor."""
        if self.findings:
            raise self.findings[0]
        if pinned and not self.pinned:
            raise NotVerified(
                "valid, but by nobody you named",
                code="unpinned",
                expected="a provider or group named by the caller",
                got=str(self.anchor),
            )
