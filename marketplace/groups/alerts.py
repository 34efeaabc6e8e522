"""Alerts: a group that serves has so few working members that one failure more stops it, or it has stopped.

It is looked at whenever all nodes have been asked how they are. What passes within LASTING is told to nobody; what
lasts is raised once, and cleared once when it is over, both in the audit log of every member's organisation. An
alert decides nothing: who asks a stopped group waits, as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.catalogue.held import held
from marketplace.groups import standing
from marketplace.groups.models import Alert, Group, Member
from marketplace.groups.standing import Seat
from marketplace.groups.telling import quorum

LASTING = timedelta(seconds=20)  # that a shortage lasts before anybody is told: a node that restarts is none

Level = Alert.Level
ACTIONS = {Level.MARGINAL: Action.GROUP_MARGINAL, Level.STOPPED: Action.GROUP_STOPPED}


def working(seats: Sequence[Seat]) -> int:
    """How many members can go on together: the most of which each serves, and reaches as many by its own word.

    Who serves but says nothing of the group does not take part in it.
    """
    reached = sorted((each.member.reached or 0 for each in seats if each.reachable), reverse=True)
    return sum(i < word for i, word in enumerate(reached))


def check() -> None:
    """Looks at every group that serves, by what their members' nodes said last."""
    now, known = timezone.now(), {each.group_id: each.group for each in _open().select_related("group")}
    for group in standing.for_cards(Group.objects.filter(state=Group.State.SERVING)):
        count = working(standing.seats(group))
        if known.pop(group.pk, None) is not None or _level(count, group.size) is not None:
            _look(group, count, now)
    for group in known.values():
        _look(group, group.size, now)  # it does not serve any more, so it misses nobody


def of_group(group: Group) -> Alert | None:
    """What has been raised and is not over."""
    return _open().filter(group=group, raised__isnull=False).first()


def of_actor(actor: Actor) -> QuerySet[Alert]:
    """The same for all groups that the actor's organisations are members of, the worst first."""
    seats = Member.objects.filter(organisation__in=list(actor.roles), state=Member.State.ACCEPTED)
    found = _open().filter(raised__isnull=False, group__in=seats.values("group"))
    return found.select_related("group").order_by("-level", "raised")


def _open() -> QuerySet[Alert]:
    return Alert.objects.filter(cleared__isnull=True)


def _level(count: int, size: int) -> Level | None:
    if count > quorum(size):
        return None
    return Level.MARGINAL if count == quorum(size) else Level.STOPPED


@transaction.atomic
def _look(group: Group, count: int, now: datetime) -> None:
    level, group = _level(count, group.size), held(group)
    alert = _open().filter(group=group).first()
    if level is None:
        if alert is not None:
            _over(alert, now)
    elif alert is None:
        Alert.objects.create(group=group, level=level, working=count, noticed=now)
    elif alert.raised is not None and alert.level != level:
        Alert.objects.filter(pk=alert.pk).update(cleared=now)
        _raise(Alert(group=group, level=level, working=count, noticed=now), now)
    else:
        alert.level, alert.working = level, count
        if alert.raised is None and now - alert.noticed >= LASTING:
            _raise(alert, now)
        alert.save()


def _raise(alert: Alert, now: datetime) -> None:
    alert.raised = now
    alert.save()
    size = alert.group.size
    _record(
        ACTIONS[Level(alert.level)], f"{alert.group}: {alert.working} of {size} work, {quorum(size)} needed", alert
    )


def _over(alert: Alert, now: datetime) -> None:
    if alert.raised is None:
        alert.delete()
        return
    Alert.objects.filter(pk=alert.pk).update(cleared=now)
    _record(Action.GROUP_RECOVERED, str(alert.group), alert)


def _record(action: Action, subject: str, alert: Alert) -> None:
    members = alert.group.members.filter(state=Member.State.ACCEPTED).select_related("organisation")
    for each in members.order_by("position"):
        audit.record(each.organisation, None, action, subject)
