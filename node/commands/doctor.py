"""`assay-node doctor`: is everything as it must be? Per line: what was looked at, what was seen, what to do."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import socket
import sqlite3
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple

import click
import httpx

from assay.cli.show import clean
from assay.errors import AssayError, Unavailable
from assay.operators import VERSION
from assay.program import selftest
from inference.triton import Triton
from native.implementation import best
from node.config import Config
from node.console import ask_daemon, home_option, say
from node.daemon import software
from node.home import Home
from node.journal import newest
from wire import address
from wire.deadline import in_seconds, now_ms

PATIENCE = 5.0  # seconds for anybody to answer
SKEW = 30.0  # seconds that clocks may differ


class Finding(NamedTuple):
    """What was looked at, what was seen; `todo` is empty where all is well."""

    what: str
    seen: str
    todo: str = ""


def _said(error: AssayError) -> str:
    """Without the hint, which has a line of its own."""
    return str(error).removesuffix(f". {error.hint}")


@click.command("doctor")
@home_option
def command(home: Path) -> None:
    """Check this node: folder, key, port, Triton, versions, reproducible operators, disk, clock."""
    problems = 0
    for finding in examine(Home(home.absolute())):
        problems += bool(finding.todo)
        mark = ("problem ", "bold red") if finding.todo else ("ok      ", "green")
        say(mark, (f"{finding.what}: ", "bold"), clean(finding.seen))
        if finding.todo:
            say("         → ", clean(finding.todo))
    sys.exit(1 if problems else 0)


def examine(home: Home) -> Iterator[Finding]:
    """Every check that still makes sense after those before it."""
    yield versions()
    try:
        config = home.load_config()
    except AssayError as error:
        yield Finding("configuration", _said(error), error.hint or f"Correct {home.config}.")
        return
    yield Finding("configuration", str(home.config))
    checks = Checks(home, config)
    for check in (
        checks.key,
        checks.callers,
        checks.journal,
        checks.port,
        checks.triton,
        checks.repository,
        checks.reproducible_operators,
        checks.disk,
        checks.clock,
    ):
        name = check.__name__.replace("_", " ")
        try:
            yield check()
        except AssayError as error:
            yield Finding(name, _said(error), error.hint or "See above.")
        except OSError as error:
            yield Finding(name, str(error), "Let the user who runs the node read and write there.")
        except sqlite3.Error as error:
            yield Finding(name, f"{home.journal}: {error}", "Restore the node from a backup.")


def versions() -> Finding:
    seen = f"{software()}, Python {platform.python_version()}, {ssl.OPENSSL_VERSION}"
    return Finding("versions", seen, "" if ssl.HAS_TLSv1_3 else "Install a Python whose OpenSSL speaks TLS 1.3.")


@dataclass(frozen=True)
class Checks:
    """What is looked at in one node's folder."""

    home: Home
    config: Config

    def key(self) -> Finding:
        return Finding("key", f"{self.home.load_key().public}, mode {self.home.key.stat().st_mode & 0o777:04o}")

    def callers(self) -> Finding:
        count = len(self.config.allowed)
        todo = "" if count else f"Put the marketplace's key into `marketplace.keys` in {self.home.config}."
        return Finding("callers", f"{count} keys may ask", todo)

    def journal(self) -> Finding:
        if not self.home.journal.exists():
            return Finding("journal", "none yet")
        with closing(sqlite3.connect(f"{self.home.journal.as_uri()}?mode=ro", uri=True)) as journal:
            (verdict,) = journal.execute("PRAGMA quick_check(1)").fetchone()
        todo = "" if verdict == "ok" else "Restore the node from a backup."
        return Finding("journal", f"{self.home.journal.stat().st_size} bytes, {verdict}", todo)

    def port(self) -> Finding:
        try:
            told = ask_daemon(self.home, lambda peer: peer.health(in_seconds(PATIENCE)))
        except Unavailable as error:
            if error.code != "not-running":
                raise
            return self._free()
        return Finding("port", f"the node answers at {self.home.address.read_text()}, {told.answered} answered")

    def _free(self) -> Finding:
        host, port = address.split(self.config.listen)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            socket.create_server((host, port), family=family).close()
        except OSError as error:
            return Finding(
                "port",
                f"{self.config.listen}: {error.strerror}",
                "Stop who uses it, or set another `listen` in node.toml.",
            )
        return Finding("port", f"{self.config.listen} is free; the node is not running")

    def triton(self) -> Finding:
        async def live() -> bool:
            triton = Triton(self.config.triton.address)
            try:
                return await triton.live()
            finally:
                await triton.close()

        if asyncio.run(live()):
            return Finding("Triton", f"live at {self.config.triton.address}")
        todo = "Start it with --model-control-mode=explicit, or correct `triton.address` in node.toml."
        return Finding("Triton", f"no answer at {self.config.triton.address}", todo)

    def repository(self) -> Finding:
        folder = self.home.repository(self.config)
        if folder.is_dir() and os.access(folder, os.W_OK):
            return Finding("repository", f"{folder} ({self.config.triton.backend} backend)")
        return Finding(
            "repository", f"{folder} cannot be written", "Make it, writable for the node, readable for Triton."
        )

    def reproducible_operators(self) -> Finding:
        """Whether this machine's results are the specification's. Triton asks the same where it runs."""
        slow: list[str] = []
        implementation = best(say=slow.append)
        begun = time.perf_counter()
        selftest.require(implementation)
        seen = f"the specification's bits (version {VERSION}) in {time.perf_counter() - begun:.1f} s"
        return Finding("reproducible operators", seen, slow[0] if slow else "")

    def disk(self) -> Finding:
        free = shutil.disk_usage(self.home.root).free
        enough = free >= self.config.limits.free_disk
        todo = "" if enough else f"Make room: models are refused below {self.config.limits.free_disk} bytes."
        return Finding("disk", f"{free // 1024**2} MiB free", todo)

    def clock(self) -> Finding:
        """Deadlines and certificates carry the time; a wrong clock makes a node refuse or expire everything."""
        behind = (newest(self.home.journal) - now_ms()) / 1000 if self.home.journal.exists() else 0.0
        apart = max(behind, abs(_apart_from(self.config.marketplace.url)) if self.config.marketplace.url else 0.0)
        seen = (
            "agrees with the marketplace" if self.config.marketplace.url else "not before what was answered last"
        )
        if apart > SKEW:
            return Finding("clock", f"{apart:.0f} s off", "Set the clock; run an NTP client.")
        return Finding("clock", seen)


def _apart_from(url: str) -> float:
    """Seconds between the marketplace's clock and ours."""
    try:
        date = httpx.head(url, timeout=PATIENCE).headers["date"]
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (httpx.HTTPError, KeyError, ValueError) as error:
        raise Unavailable(
            "the marketplace does not answer", pointer=url, hint="Check `marketplace.url`."
        ) from error
