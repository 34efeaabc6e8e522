"""A group's statistics: what each member said, how often it dissented, and how often each pair did together."""

from __future__ import annotations

from typing import Annotated

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.catalogue import viewer_of
from marketplace.api.schema import describe
from marketplace.api.views import View
from marketplace.groups import access, standing, statistics
from marketplace.groups.statistics import LEAST_JOINT, LEAST_ROWS, MONTH

Ratio = Annotated[
    float | None,
    msgspec.Meta(
        description="`both` to `expected`: 1 if errors do not go together. Null where it is too few to tell: below"
        f" {LEAST_ROWS} rows, or where both dissent on fewer than {LEAST_JOINT}, had or expected"
    ),
]


class MemberStatistics(msgspec.Struct, frozen=True):
    """A member: requests by what it said to them; the `rows` with an answer on which it voted, and dissented."""

    organisation: str
    answered: int
    abstained: int
    erred: int
    absent: int
    withheld: Annotated[int, msgspec.Meta(description="In a copy-resistant group: committed to, and never shown")]
    rows: int
    dissented: int


class PairStatistics(msgspec.Struct, frozen=True):
    """Two members, and the `rows` with an answer on which both voted: on how many the first dissented, the second,
    both, and both alike; on how many both would if they were independent of each other.
    """

    first: str
    second: str
    rows: int
    first_dissented: int
    second_dissented: int
    both: int
    alike: int
    expected: float
    ratio: Ratio


class Window(msgspec.Struct, frozen=True):
    """What was counted; `days` is null for all time. `requests` were certified, whatever the outcome."""

    days: int | None
    requests: int
    rows: int
    members: tuple[MemberStatistics, ...]
    pairs: tuple[PairStatistics, ...]


class GroupStatistics(msgspec.Struct, frozen=True):
    """Counted once for each certified prediction, as it is settled."""

    all_time: Window
    recent: Annotated[Window, msgspec.Meta(description=f"The last {MONTH} days, today (UTC) included")]


class Statistics(View):
    """At /groups/{slug}/statistics."""

    open_to_all = True

    @describe("Get a group's statistics", answer=GroupStatistics, open_to_all=True)
    def get(self, request: Request, slug: str) -> Response:
        """A vote dissents that is another label than the answer; a number, if it lies further from the answer than
        five times the median distance of the row's votes.
        """
        shown = standing.one(access.group(viewer_of(request), slug))
        ever, lately = statistics.windows(shown.group, shown.epochs)
        return Response(GroupStatistics(_window(ever), _window(lately)))


def _window(shown: statistics.Window) -> Window:
    return Window(
        days=shown.days,
        requests=shown.requests,
        rows=shown.rows,
        members=tuple(
            MemberStatistics(
                each.owner,
                *(each.answered, each.abstained, each.erred, each.absent, each.withheld),
                *(each.rows, each.dissented),
            )
            for each in shown.members
        ),
        pairs=tuple(
            PairStatistics(
                *(each.first, each.second, each.rows),
                *(each.first_dissented, each.second_dissented, each.both, each.alike),
                *(each.expected, each.ratio),
            )
            for each in shown.pairs
        ),
    )
