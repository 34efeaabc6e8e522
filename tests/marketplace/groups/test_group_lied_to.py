"""A group of real nodes with a liar among them: caught, written down, fetched, struck and shown by themselves."""

from __future__ import annotations

import pytest

from assay.agreement.blame.evidence import parse
from assay.agreement.blame.guilt import require_guilt
from marketplace.catalogue.health import check_nodes
from marketplace.groups.evidence import against
from marketplace.groups.models import Strike
from tests.marketplace import people
from tests.marketplace.groups import founded
from tests.marketplace.groups.machines import Machines
from tests.marketplace.groups.test_group_followed import errands, load
from tests.node.lying import vote_twice

pytestmark = pytest.mark.django_db(transaction=True)
LIAR = 3


@pytest.fixture
def four(cast, marketplace_key, live_server, tmp_path):
    """Four owners, and their machines."""
    owners = founded.owners(cast)
    machines = Machines(tmp_path, marketplace_key, live_server.url)
    for each in owners:
        machines.settle(each)
    yield owners, machines
    machines.close()


def test_who_votes_twice_has_a_strike_on_its_page_without_anyones_help(four, client, monkeypatch):
    owners, machines = four
    group = founded.complete(founded.found(owners[0]), owners)
    for each in owners:
        machines.accept(each.slug, group.slug, monkeypatch)
    errands()
    liar = owners[LIAR].slug
    vote_twice(machines._daemons[liar])
    with load(people.person("buyer")) as asking:
        while not Strike.objects.exists():
            assert asking.more().status == "certified"  # one may lie, and who asks notices nothing
            check_nodes()
            errands()
    struck = Strike.objects.select_related("member__organisation", "evidence")
    assert {each.member.organisation.slug for each in struck} == {liar}
    page = client.get(f"/groups/{group.slug}/members").content.decode()
    for each in struck:
        document = client.get(f"/api/v1/groups/{group.slug}/evidence/{each.evidence.hex}.cbor").content
        evidence = parse(document)
        [guilty] = require_guilt(evidence, bytes(group.epochs.get(number=0).digest))
        assert (evidence.kind, guilty.owner, each.evidence.submitted_by) == ("double-vote", liar, None)
        assert each.evidence.hex in page
    assert f"{liar} prepared two different things" in page or f"{liar} committed to two different things" in page
    assert list(against(owners[LIAR].person.organisation)) == list(struck.order_by("-created", "-pk"))
