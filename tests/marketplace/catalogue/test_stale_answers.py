"""What a node said before something changed does not undo the change."""

from __future__ import annotations

import datetime as dt

import pytest

from marketplace.catalogue import health
from marketplace.catalogue.models import Deployment

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("late", "state"), [(True, "serving"), (False, "failed")])
def test_an_answer_older_than_a_deployment_says_nothing_about_it(serving, late, state):
    """A busy worker asked the node, was overtaken by the delivery, and only then read "serves nothing"."""
    moment = dt.timedelta(seconds=1)
    asked = serving.updated - moment if late else serving.updated + moment
    health._reconcile(health.Seen(serving.node, asked, answered=True, serving=True, detail=""))
    assert Deployment.objects.get(pk=serving.pk).state == state
