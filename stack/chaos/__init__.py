"""Faults in a running site under load, and the account asked of it afterwards: for `make chaos` and tests."""
