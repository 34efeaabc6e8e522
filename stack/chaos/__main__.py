"""`make chaos`: the whole site under load while its services are killed and frozen, and the account of it.

    python -m stack.chaos [--minutes 3] [--seed N]

The site has a second dispatch worker, and an owner who keeps its outbox busy. Ends with status 1 where something
does not hold; the site's logs are then kept until the tests are run again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import secrets
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Sequence

import psutil

from stack import testing
from stack.chaos.campaign import Campaign
from stack.chaos.chance import chance
from stack.chaos.faults import Fault, schedule
from stack.chaos.owner import Owner
from stack.chaos.questions import questions
from stack.everything import Site
from stack.manager import Manager
from stack.ports import free_ports
from stack.process import Exit
from stack.tree import Tree

AT_WORK = "dana/digits"  # whose owner deploys and withdraws meanwhile
SHOWN = 100  # findings printed, at most


class Deaths(testing.Loud):
    """Tells of services that died by themselves; those that were killed are the campaign's to tell."""

    def died(self, name: str, reason: str, tail: Sequence[str], retry_in: float) -> None:
        if reason != str(Exit(-signal.SIGKILL)):
            super().died(name, reason, tail, retry_in)


def main() -> None:
    given = _arguments()
    seed = secrets.randbelow(10**6) if given.seed is None else given.seed
    print(f"seed {seed}, {given.minutes:g} minutes, {os.cpu_count()} cores; bringing the site up", flush=True)
    tree = testing.site_tree(testing.run_tree())
    site = Site.plan(tree, free_ports(1)[0])
    second = site.market.worker("dispatch", "second")
    with testing.running([*site.services, second], tree, Deaths()) as manager:
        findings = _campaign(site, manager, seed, given.minutes * 60)
    findings += [f"still running: {each}" for each in _left(tree)]
    for finding in findings[:SHOWN]:
        print(f"DOES NOT HOLD: {finding}")
    if findings:
        sys.exit(f"make chaos: {len(findings)} things do not hold (seed {seed}); logs in {tree.logs}")
    testing.remove_run()
    print(f"everything holds (seed {seed})")


def _campaign(site: Site, manager: Manager, seed: int, seconds: float) -> list[str]:
    """Prints what happens and the counts; what does not hold."""
    begun = time.monotonic()
    faults = schedule(chance(seed), [name for name, service in manager.services.items() if service.ready])
    campaign = Campaign(
        site, manager, seed, lambda line: print(f"{time.monotonic() - begun:6.1f} s  {line}", flush=True)
    )
    with _owner(site) as owner:
        campaign.run(itertools.takewhile(lambda _: time.monotonic() < begun + seconds, faults))
    account = campaign.account()
    _print_recoveries(campaign.recoveries)
    for name, count in {**account.counts, "wishes of an owner that came true": owner.wishes}.items():
        print(f"{name:40} {count:>9,}")
    return list(account.findings)


def _owner(site: Site) -> Owner:
    asked = next(each for each in questions(site) if each.name == AT_WORK)
    users = json.loads(site.users.read_bytes())
    key = next(user["api_key"] for user in users if (user["role"], user["organisation"]) == ("owner", asked.owner))
    return Owner(site.market.url, key, asked)


def _print_recoveries(recoveries: Sequence[tuple[Fault, float]]) -> None:
    """For each service and kind of fault, the seconds from its beginning until everything answered again."""
    seconds = defaultdict(list)
    for fault, answering in recoveries:
        seconds[fault.service, str(fault.kind)].append(answering)
    print("\nseconds from a fault until every model and group answered a new question:")
    for (service, kind), each in sorted(seconds.items()):
        print(f"  {service:24} {kind:8} {', '.join(f'{one:.1f}' for one in each)}")
    print(f"{len(recoveries)} faults\n")


def _left(tree: Tree) -> list[str]:
    """Processes of the site that are still there: by what they were started with, and where they stand."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = (*(process.info["cmdline"] or ()), process.info["cwd"] or "")
        if process.pid != os.getpid() and any(str(tree.var) in word for word in words):
            found.append(f"{process.pid} {' '.join(words)[:200]}")
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3.0, help="how long faults are committed")
    parser.add_argument("--seed", type=int, help="repeats the faults and questions of another campaign")
    given = parser.parse_args()
    if not given.minutes > 0:
        parser.error("argument --minutes: expected more than 0")
    return given


if __name__ == "__main__":
    main()
