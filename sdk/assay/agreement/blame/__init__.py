"""Blame: what a member of a group has signed and never could have, had it kept to the protocol.

`evidence` holds the kinds of it, which anyone can check offline; `finding` looks for it in what was signed.
"""
