"""Operators whose results are the same bits on every machine: the specification in NumPy, plain and slow.

What each computes is fixed by docs/reproducible-operators.md; a referee or an auditor needs nothing but this.
Nothing here asks a mathematical library, and nothing depends on the order in which a platform likes to add.
"""

VERSION = 1  # of the specification: other bits are another version
