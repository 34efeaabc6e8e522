"""A group of bare members under fire: a process each, links that can be cut, slowed and swallowed, a client that
keeps asking, and what must hold afterwards. No marketplace, no Triton; real TLS, disks and signatures.

Read in this order: `proxy` (the network), `member` (a process), `group` (all of them, and what may be done to
them), `load` (the client), `account` (what must hold).
"""
