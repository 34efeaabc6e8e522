"""Whole groups, run from one seed: virtual time, faults, liars, and what must hold after every event.

    python -m consensus.simulator RUNS [--seed N] [--n 4|7|10] [--real] [--trace]

The replicas are the real ones; all around them is made up: network, disks, clocks, models, clients (one module
each), and when they fail (`scenario`, `faults`). `watch` and what it is made of say what must hold; `broken` has
replicas in which it does not, to show that this would be seen. Nothing here reads a clock, starts a thread, or
draws from anything but the seed.
"""
