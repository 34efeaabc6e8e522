"""What was asked and how it went: predictions as state machines, their events, the outbox, dispatch."""
