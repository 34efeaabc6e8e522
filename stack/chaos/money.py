"""The money of a campaign: what each prediction was charged, held against its certificate; and the whole ledger.

Amounts are micro-units. What was charged is read by plain SQL, past all of the marketplace's code; the ledger is
then proven once more from its entries alone, as `manage.py ledger check` does it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.agreement.votes import Answered
from assay.certificate import AgreementCertificate, parse
from stack.everything import Site
from stack.tree import ROOT

BALANCES = """
SELECT account.kind, sum(balance.amount)::bigint FROM billing_balance AS balance
JOIN billing_account AS account ON account.id = balance.account_id GROUP BY account.kind
"""
WRONG = "WRONG"  # begins what `manage.py ledger check` says of a rule that is broken


@dataclass(frozen=True)
class Charge:
    """What was set aside for a prediction, by whom it was to be earned, and what of it was charged.

    `posted` is None as long as it is held.
    """

    held: int
    posted: int | None
    lines: Sequence[Mapping[str, Any]]  # billing.pricing.Charge, as it is stored


def wrong(charge: Charge | None, status: str, document: bytes | None) -> Iterator[str]:
    """What does not hold of the charge for a prediction that ended so, with this certificate."""
    if charge is None:
        return  # it was free
    if charge.posted is None:
        yield f"{charge.held} are held still"
    elif status == "certified" and document is not None:
        if charge.posted != (due := price(charge, document)):
            yield f"was charged {charge.posted} instead of {due}"
    elif status == "contested":
        if not 0 <= charge.posted <= charge.held:
            yield f"was charged {charge.posted} of {charge.held}"
    elif charge.posted:
        yield f"was charged {charge.posted} for nothing"


def price(charge: Charge, document: bytes) -> int:
    """What is due by a certificate: a model's price, or that of those members of a group that answered."""
    certificate = parse(document)
    if not isinstance(certificate, AgreementCertificate):
        return sum(each["most"] for each in charge.lines)
    evidence = certificate.evidence
    members = zip(evidence.configuration.members, evidence.ended.said, strict=True)
    answered = {member.owner for member, said in members if isinstance(said, Answered)}
    return sum(each["most"] for each in charge.lines if each["line"]["owner"] in answered)


def at_rest(balances: Mapping[str, int]) -> Iterator[str]:
    """What does not hold of a ledger once nothing is on its way any more. `balances`: by kind of account."""
    if sum(balances.values()):
        yield f"the ledger does not balance: it is off by {sum(balances.values())}"
    if balances.get("held"):
        yield f"{balances['held']} are held at rest"


def proven(site: Site) -> Iterator[str]:
    """What `manage.py ledger check` says is wrong."""
    command = [sys.executable, "manage.py", "ledger", "check"]
    done = subprocess.run(
        command, cwd=ROOT, env=site.market.environment, capture_output=True, text=True, check=False
    )
    yield from (line for line in done.stdout.splitlines() if line.startswith(WRONG))
    if done.returncode and WRONG not in done.stdout:
        yield f"the ledger could not be checked: {done.stderr.strip()[-300:]}"
