"""Why a group's answer is contested though its members agree: the buyer asked for more votes than there were.

It follows from the certificate alone, by counting once more without that wish.
"""

from __future__ import annotations

from assay.agreement.aggregate import aggregator
from assay.agreement.group import Labels
from assay.agreement.votes import Answered
from assay.certificate import AgreementCertificate, AnyCertificate


def shortfall(certificate: AnyCertificate) -> str:
    """In words; empty where as many votes were had as were asked for, or nobody agreed anyway."""
    if not isinstance(certificate, AgreementCertificate) or certificate.statement.outcome != "contested":
        return ""
    evidence, configuration = certificate.evidence, certificate.evidence.configuration
    asked, answered = evidence.asked, [each for each in evidence.ended.said if isinstance(each, Answered)]
    rows = [[each.votes[row] for each in answered] for row in range(asked.rows)]
    decide, f = aggregator(configuration.aggregator).decide, configuration.f
    short = [
        votes
        for votes in rows
        if decide(votes, 0, f, 0).value is not None and decide(votes, 0, f, asked.least).value is None
    ]
    if not short:
        return ""
    labelled = isinstance(configuration.answer, Labels)
    verb = "agree" if labelled else "were given"
    if len(rows) > 1:
        return f"fewer than the {asked.least} votes that were asked for {verb} on {len(short)} of {len(rows)} rows"
    (votes,) = short
    reached = max(map(votes.count, votes)) if labelled else len(votes)
    return f"{reached} of the {asked.least} votes that were asked for {verb}"
