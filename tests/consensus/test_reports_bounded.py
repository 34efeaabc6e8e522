"""Reports about requests that nobody has made, on words that nothing has fixed: they are not kept without end."""

from __future__ import annotations

from assay.digest import sha256
from consensus.fixing import Fixings
from consensus.messages import MAX_REPORTS, Held, Readied
from consensus.reports import Reports
from tests.consensus.test_replica_attacks import LIAR, have


def test_a_liar_that_makes_up_stages_of_made_up_requests_takes_no_more_memory_than_its_last_reports():
    reports = Reports(3, Fixings())
    for i in range(3 * MAX_REPORTS):
        made_up = [sha256(b"%d %d" % (i, j)) for j in range(4)]
        told = have(LIAR, tuple(Readied(each, (0,), 7 + i) for each in made_up), (Held(LIAR, bytes(32)),), i)
        reports.add(told.report.digest, told, made_up, i)
    assert len(reports) == MAX_REPORTS
    assert len(reports._later) == len(reports._naming) == 4 * MAX_REPORTS


def test_a_liar_that_numbers_the_stages_of_one_request_takes_no_more_memory_than_its_last_reports():
    reports, request = Reports(3, Fixings()), sha256(b"one")
    for i in range(3 * MAX_REPORTS):
        told = have(LIAR, (Readied(request, (0,), 7 + i),), (Held(LIAR, bytes(32)),), i)
        reports.add(told.report.digest, told, [request], i)
    assert len(reports._later[request]) == MAX_REPORTS
    reports.drop(request)
    assert not reports._later
    assert not reports._naming
    assert len(reports) == 0
