"""Agreement among model owners: the replica, its transport, storage and simulator (see docs/adr/0001)."""
