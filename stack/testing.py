"""The embedded stack for tests: real PostgreSQL and Redis, one of each for a test process, in `var/test/`.

A pytest plugin too (`-p stack.testing` in pyproject.toml), so that Django's settings find DATABASE_URL and the
rest in the environment. Servers start when a test first asks for one (tests/conftest.py) and end with the
process: two runs, or two xdist workers, never share anything, and a killed run leaves nothing running.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stack import postgres, redis
from stack.manager import Manager, Report
from stack.ports import free_ports
from stack.process import Service
from stack.socketdir import socket_folder
from stack.tree import ROOT, Tree

if TYPE_CHECKING:
    from stack.everything import Site

RUNS = ROOT / "var" / "test"


class Loud:
    """A manager's Report: silent but for deaths, which explain a failing test."""

    def starting(self, name: str) -> None: ...
    def ready(self, name: str, seconds: float) -> None: ...
    def stopped(self, name: str) -> None: ...

    def died(self, name: str, reason: str, tail: Sequence[str], retry_in: float) -> None:
        print(f"{name} died: {reason}; starting again in {retry_in:g} s", *tail, sep="\n  | ", file=sys.stderr)

    def failed(self, name: str, reason: str, tail: Sequence[str]) -> None:
        print(f"{name} did not start: {reason}", *tail, sep="\n  | ", file=sys.stderr)


@contextmanager
def running(services: Sequence[Service], tree: Tree, report: Report | None = None) -> Iterator[Manager]:
    """`services` ready inside the block and gone after it; for code that is not asynchronous.

    The manager lives in a thread with an event loop of its own.
    """
    manager = Manager(services, tree.logs, report or Loud())
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="stack", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(manager.__aenter__(), loop).result()
        try:
            yield manager
        finally:
            asyncio.run_coroutine_threadsafe(manager.stop(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@cache
def run_tree() -> Tree:
    """This process's own folder, removed at its end; what killed runs left is removed here."""
    RUNS.mkdir(parents=True, exist_ok=True)
    tree = Tree(RUNS / str(os.getpid()))
    with _locked(RUNS / "lock"):
        for folder in RUNS.iterdir():
            if folder.is_dir() and not _in_use(folder):
                _remove(Tree(folder))
        _hold(tree.folder())
    tree.folder("static")  # where a web server would look for the browser's files
    return tree


def environment(tree: Tree) -> dict[str, str]:
    """The settings of everything under test, as `make up` would give them."""
    _, database = postgres.service(tree, durable=False)
    _, broker = redis.service(tree, _redis_port())
    return {
        "DATABASE_URL": database,
        "BROKER_URL": broker,
        "ASSAY_VAR": str(tree.var),
        "ASSAY_URL": "http://testserver",
        "ASSAY_SECRET_KEY_FILE": str(tree.secret("django")),
        "ASSAY_DISPATCH_KEY_FILE": str(tree.key("dispatch")),
    }


@contextmanager
def running_postgres(tree: Tree) -> Iterator[str]:
    """DATABASE_URL of a PostgreSQL that runs inside the block."""
    server, url = postgres.service(tree, durable=False)
    with running([server], tree):
        yield url


@contextmanager
def running_redis(tree: Tree) -> Iterator[str]:
    """BROKER_URL of a Redis that runs inside the block."""
    server, url = redis.service(tree, _redis_port())
    with running([server], tree):
        yield url


@contextmanager
def running_site(tree: Tree) -> Iterator[tuple[Site, Manager]]:
    """The whole of `make up`, demo included: address `site.market.url`, people in the file `site.users`.

    The manager knows the processes, and starts again what dies.
    """
    from stack.everything import Site  # imports much that most tests do not need

    site = Site.plan(tree, free_ports(1)[0])
    with running(site.services, tree) as manager:
        yield site, manager


def site_tree(tree: Tree) -> Tree:
    """Where the site of a run keeps its state, apart from the servers that single tests use."""
    return Tree(tree.var / "site")


@cache
def _redis_port() -> int:
    return free_ports(1)[0]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _hold(folder: Path) -> None:
    """Marks `folder` as in use until this process ends, however it ends."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)  # never closed: the lock is the process's
    fcntl.flock(handle, fcntl.LOCK_EX)


def _in_use(folder: Path) -> bool:
    try:
        with (folder / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _remove(tree: Tree) -> None:
    for each in (site_tree(tree), tree):
        if each.var.exists():
            shutil.rmtree(socket_folder(each.var, postgres.account(each)), ignore_errors=True)
            shutil.rmtree(each.var, ignore_errors=True)


@pytest.hookimpl(wrapper=True)  # so that it comes before pytest-django's, which imports the settings
def pytest_load_initial_conftests() -> Generator[None, object, object]:
    os.environ.update(environment(run_tree()))
    return (yield)


def remove_run() -> None:
    """Removes this process's folder."""
    _remove(run_tree())


def pytest_unconfigure() -> None:
    remove_run()
