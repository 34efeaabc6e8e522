"""The embedded stack: everything the marketplace needs, run from this checkout by one process manager.

Used by `make up` (state in `var/`) and by the tests (state in `var/test/`). Not used in production, where the
same programs run in containers (docker/).
"""
