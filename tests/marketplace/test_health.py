"""What a load balancer is told."""

from __future__ import annotations

import pytest
from django.db import connections
from django.db.utils import ConnectionHandler
from django.urls import resolve

from marketplace import health
from stack.ports import free_ports


@pytest.fixture
def ask(rf):
    def ask(path):
        answer = resolve(path).func(rf.get(path))
        return answer.status_code, answer.content

    return ask


def test_a_process_that_answers_is_alive_without_a_database(ask):
    assert ask("/healthz") == (200, b"alive\n")


@pytest.mark.django_db
def test_a_process_is_ready_while_the_database_answers(ask):
    assert ask("/readyz") == (200, b"ready\n")


@pytest.mark.django_db
def test_a_process_without_its_database_is_not_ready(ask, monkeypatch):
    nowhere = {**connections["default"].settings_dict, "HOST": "127.0.0.1", "PORT": str(free_ports(1)[0])}
    monkeypatch.setattr(health, "connection", ConnectionHandler({"default": nowhere})["default"])
    assert ask("/readyz") == (503, b"the database does not answer\n")
    assert ask("/healthz") == (200, b"alive\n")
