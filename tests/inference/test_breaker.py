"""The circuit breaker as a state machine: what must hold after any history."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from inference.resilience import Breaker

THRESHOLD, REST = 3, 5.0


def test_it_opens_after_the_threshold_of_failures_in_a_row_and_not_before():
    breaker = Breaker(THRESHOLD, REST)
    for _ in range(2):
        breaker = breaker.failed(0, now=0.0)
    breaker = breaker.succeeded(0)
    for _ in range(2):
        breaker = breaker.failed(0, now=0.0)
    assert breaker.state == "closed"
    assert breaker.failed(0, now=0.0).state == "open"


def test_a_probe_that_is_abandoned_lets_another_one_probe_at_once():
    breaker = Breaker(1, REST).failed(0, now=0.0)
    breaker, admitted = breaker.admit(REST)
    assert admitted
    assert breaker.admit(REST) == (breaker, False)
    _, admitted = breaker.abandoned(breaker.ticket, REST).admit(REST)
    assert admitted


class History(RuleBasedStateMachine):
    """Calls begin and end in any order while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(THRESHOLD, REST)
        self.now = 0.0
        self.under_way: list[int] = []

    @rule(seconds=st.floats(0, 2 * REST))
    def time_passes(self, seconds):
        self.now += seconds

    @rule()
    def a_call_asks(self):
        before = self.breaker
        self.breaker, admitted = before.admit(self.now)
        if before.state == "closed":
            assert admitted
        if before.state == "open":
            assert admitted == (self.now >= before.until)
        if before.state == "half-open":
            assert not admitted  # one probe at a time
        if admitted:
            self.under_way.append(self.breaker.ticket)

    def ended(self, data):
        return self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def a_call_succeeds(self, data):
        before, ticket = self.breaker, self.ended(data)
        self.breaker = before.succeeded(ticket)
        if ticket != before.ticket:
            assert self.breaker == before  # what began before the last change says nothing about now
        elif before.state != "open":
            assert (self.breaker.state, self.breaker.failures) == ("closed", 0)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def a_call_fails(self, data):
        before, ticket = self.breaker, self.ended(data)
        self.breaker = before.failed(ticket, self.now)
        if ticket != before.ticket:
            assert self.breaker == before
        elif before.state == "half-open":
            assert (self.breaker.state, self.breaker.until) == ("open", self.now + REST)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def a_call_is_abandoned(self, data):
        before, ticket = self.breaker, self.ended(data)
        self.breaker = before.abandoned(ticket, self.now)
        if before.state != "half-open" or ticket != before.ticket:
            assert self.breaker == before

    @invariant()
    def a_probing_breaker_has_its_probe_under_way(self):
        if self.breaker.state == "half-open":
            assert self.under_way.count(self.breaker.ticket) == 1

    @invariant()
    def failures_stay_below_the_threshold(self):
        assert 0 <= self.breaker.failures < THRESHOLD

    @invariant()
    def it_never_refuses_for_ever(self):
        if self.breaker.state == "open":
            assert self.breaker.admit(self.breaker.until)[1]


TestHistory = History.TestCase
