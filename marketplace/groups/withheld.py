"""Strikes for answers withheld: a member of a copy-resistant group committed to one, and never showed it.

The certificate is the proof: 2f + 1 members have signed what each of them said. So it rests on their word, as the
answer does; evidence (`marketplace.groups.evidence`) rests on the signatures of those whom it blames. The strike
is for all to see; the certificate for whom it was made, and for the struck member, whose node knew all of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, QuerySet, Window
from django.db.models.functions import RowNumber

from assay.agreement.votes import Withheld
from assay.certificate import AgreementCertificate
from marketplace.accounts import audit
from marketplace.accounts.audit import Action
from marketplace.accounts.models import Organisation
from marketplace.db.statements import Statement
from marketplace.groups.models import Group, Member, Strike
from marketplace.groups.settling import Settled

_STRIKE = Statement(
    """
    INSERT INTO groups_strike (member_id, certificate_id, about, created)
    SELECT member.id, stored.id, new.about, now()
    FROM unnest($1, $2, $3, $4, $5) AS new(group_id, epoch, owner, about, certificate)
    JOIN groups_groupepoch AS epoch ON epoch.group_id = new.group_id AND epoch.digest = new.epoch
    JOIN accounts_organisation AS owner ON owner.slug = new.owner
    JOIN groups_member AS member ON member.group_id = new.group_id AND member.organisation_id = owner.id
    JOIN certificates_certificate AS stored ON stored.sha256 = new.certificate
    ORDER BY member.id, new.about
    ON CONFLICT (member_id, about) DO NOTHING
    RETURNING member_id
    """,
    *("bigint[]", "bytea[]", "text[]", "text[]", "bytea[]"),
)


def strike(settled: Iterable[Settled]) -> None:
    """To be called in the transaction in which these are settled, once their certificates are written.

    Nobody is struck in an epoch that is not known here: whose place it is there, nobody has told the marketplace.
    """
    rows = [row for each in settled for row in _rows(each)]
    if not rows:
        return
    struck = Counter(member for (member,) in _STRIKE.rows(*map(list, zip(*rows, strict=True))))
    for member in Member.objects.filter(pk__in=struck).select_related("group", "organisation").order_by("pk"):
        count = struck[member.pk]
        what = "an answer" if count == 1 else f"{count} answers"
        audit.record(member.organisation, None, Action.GROUP_STRUCK, f"{member.group}: withheld {what}")


def _rows(settled: Settled) -> Iterable[tuple[int, bytes, str, str, bytes]]:
    group, _, prepared = settled
    certificate = prepared.certificate
    if isinstance(certificate, AgreementCertificate):
        ended, configuration = certificate.evidence.ended, certificate.evidence.configuration
        about = f"withheld {configuration.epoch}/{ended.request.hex()}"
        for member, said in zip(configuration.members, ended.said, strict=True):
            if isinstance(said, Withheld):
                yield group, configuration.digest, member.owner, about, prepared.sha256


@dataclass(frozen=True)
class Struck:
    """That a member has withheld `count` answers; the `latest` strikes for it, newest first."""

    member: Member
    count: int
    latest: tuple[Strike, ...]


def of_group(of: Group, most: int) -> tuple[Struck, ...]:
    """By member, who did so last first; at most so many strikes of each."""
    return _struck(Strike.objects.filter(member__group=of), most)


def against(organisation: Organisation, most: int) -> tuple[Struck, ...]:
    """The same of one owner in every group that is or was everybody's to see."""
    shown = (Group.State.SERVING, Group.State.WITHDRAWN)
    return _struck(Strike.objects.filter(member__organisation=organisation, member__group__state__in=shown), most)


def _struck(strikes: QuerySet[Strike], most: int) -> tuple[Struck, ...]:
    numbered = strikes.filter(certificate__isnull=False).annotate(
        nth=Window(RowNumber(), partition_by="member", order_by="-pk"),
        count=Window(Count("pk"), partition_by="member"),
    )
    named = ("member__organisation", "member__group", "certificate")
    found: dict[int, list[Strike]] = {}
    latest = numbered.filter(nth__lte=most).select_related(*named).defer("certificate__document")
    for each in latest.order_by("-pk"):
        found.setdefault(each.member_id, []).append(each)
    return tuple(Struck(own[0].member, own[0].count, tuple(own)) for own in found.values())  # type: ignore[attr-defined]
