"""Why a member of a group abstained, where the marketplace knows: its nodes are asked every few seconds.

A certificate says that a member abstained, not why. What is known here is the marketplace's word, so it is kept to
what was seen before the group decided, or just after, and has not changed since.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from assay.certificate import AgreementCertificate
from marketplace.catalogue.models import Deployment
from marketplace.groups.models import Member

SEEN_LATE = dt.timedelta(seconds=15)  # after which a node has been asked at least once
UNSERVED = "its node did not serve its model"


def reasons(certificate: AgreementCertificate, places: Iterable[int]) -> dict[int, str]:
    """By place in its epoch, for those members of whom it is known. No query for no places, else two."""
    evidence = certificate.evidence
    owners = {evidence.configuration.members[place].owner: place for place in places}
    if not owners:
        return {}
    decided = dt.datetime.fromtimestamp(certificate.statement.time / 1000, dt.UTC)
    seats = Member.objects.filter(
        group__epochs__digest=evidence.group,
        group__epochs__number=0,
        organisation__slug__in=owners,
        node__isnull=False,
    ).select_related("organisation")
    unserved = set(
        Deployment.objects.filter(
            state=Deployment.State.FAILED,
            updated__lte=decided + SEEN_LATE,
            node__in=[each.node_id for each in seats],
            version__in=[each.version_id for each in seats],
        ).values_list("node", "version")
    )
    return {
        owners[each.organisation.slug]: UNSERVED for each in seats if (each.node_id, each.version_id) in unserved
    }
