"""Operators whose results are the same bits on every machine: the specification in NumPy, plain and slow.

What each computes is fixed by docs/reproducible-operators.md; a referee or an auditor needs nothing but this.
Nothing here asks a mathematical library, and nothing depends on the order in which a platform likes to add.

To add an operator: say in the specification what it computes; declare it in a module here (registry.py says how)
that everything.py imports; give it cases in assay/program/cases/ and tests in tests/sdk/operators/; then
`python docs/vectors/operators.py` writes their hashes and `python docs/listing.py` the list. How to add a kernel
for it, native/__init__.py says.
"""

VERSION = 1  # of the specification: other bits are another version
