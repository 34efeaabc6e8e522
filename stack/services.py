"""What runs, in which order: the one list behind `make up`.

PostgreSQL and Redis; the marketplace's web server, workers and scheduler; for each owner a Triton and a node.
Everything listens on the loopback interface or on a unix socket.
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import celery
import msgspec
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from assay.keys import PrivateKey
from inference.triton import Triton
from node.config import Config, MarketplaceSettings, TritonSettings, to_toml
from node.home import Home, write_atomically
from stack import postgres, probes, redis, setup, triton
from stack.process import NotReady, Service
from stack.tree import Tree

WORKERS = {"dispatch": 2, "outbox": 8}  # Celery's queues, and how many tasks of each at once
FOREIGN = ("ASSAY_", "DATABASE_URL", "BROKER_URL", "DJANGO_", "CELERY_")
WORKER_PATIENCE = 1.0  # seconds that a worker has to answer a ping
BROKER_PATIENCE = {"socket_timeout": 5.0, "socket_connect_timeout": 5.0}  # seconds


@dataclass(frozen=True)
class Marketplace:
    """The marketplace of one stack and how its parts are told about each other. `url` is the public address.

    `database` is reached there as its owner: migrations are. What serves runs as a role that owns nothing.
    """

    tree: Tree
    port: int
    database: str
    broker: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        """The variables of docs/settings.md."""
        return {
            "DATABASE_URL": postgres.for_site(self.database),
            "BROKER_URL": self.broker,
            "ASSAY_VAR": str(self.tree.folder()),
            "ASSAY_URL": self.url,
            "ASSAY_SECRET_KEY_FILE": str(self.tree.secret("django")),
            "ASSAY_DISPATCH_KEY_FILE": str(self.tree.key("dispatch")),
            "ASSAY_PRIVATE_NODES": "1",
            "ASSAY_DEMO": "1",
        }

    @property
    def environment(self) -> dict[str, str]:
        """Ours, without settings of another marketplace that a shell may hold."""
        return {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)} | self.settings

    def step(self, name: str, *arguments: str, depends_on: tuple[str, ...] = ()) -> Service:
        """`python …`, once."""
        argv = (sys.executable, *arguments)
        return Service(name, argv, None, depends_on=depends_on, env=self.environment, ready_within=300)

    def step_of_owner(self, name: str, *arguments: str, depends_on: tuple[str, ...]) -> Service:
        """The same with the rights of the database's owner."""
        step = self.step(name, *arguments, depends_on=depends_on)
        return replace(step, env={**self.environment, "DATABASE_URL": self.database})

    def quiet_step(self, name: str, *arguments: str, depends_on: tuple[str, ...]) -> Service:
        """The same for one whose output is secret: it goes nowhere, its errors to the log."""
        step = self.step(name, *arguments, depends_on=depends_on)
        return replace(step, argv=("sh", "-c", 'exec "$@" >/dev/null', "sh", *step.argv))

    def services(self) -> list[Service]:
        """Migrations, privileges and static files, then the web server, the workers and the scheduler."""
        grant = ("manage.py", "grant", postgres.SITE_ROLE)
        return [
            self.step_of_owner("migrations", "manage.py", "migrate", "--noinput", depends_on=("postgres",)),
            self.step_of_owner("privileges", *grant, depends_on=("migrations",)),
            self.step("static-files", "-m", "stack.static"),
            self._web(),
            *map(self.worker, WORKERS),
            self._beat(),
        ]

    def _web(self) -> Service:
        server = ("-m", "uvicorn", "marketplace.asgi:application", "--host", "127.0.0.1", "--port", str(self.port))
        quiet = ("--no-access-log", "--no-server-header", "--lifespan", "off", "--timeout-graceful-shutdown", "5")
        return Service(
            name="web",
            argv=(sys.executable, *server, *quiet),
            ready=probes.http(f"{self.url}/readyz"),
            depends_on=("privileges", "static-files", "redis"),
            env=self.environment,
        )

    def worker(self, queue: str, host: str = "") -> Service:
        """A worker of one of Celery's queues; one beside the first has a `host` name of its own."""
        name = f"{queue}@{host or 'assay'}"
        how = ("--queues", queue, "--pool", "threads", "--concurrency", str(WORKERS[queue]), "--hostname", name)
        return Service(
            name=f"worker-{queue}-{host}" if host else f"worker-{queue}",
            argv=self._celery("worker", *how, "--without-gossip", "--without-mingle"),
            ready=partial(asyncio.to_thread, _ping, self.broker, name),
            depends_on=("privileges", "redis"),
            env=self.environment,
            stop_within=20,
        )

    def _beat(self) -> Service:
        pidfile = self.tree.folder("run") / "beat.pid"
        return Service(
            name="beat",
            argv=self._celery(
                "beat", "--schedule", str(self.tree.folder("run") / "beat"), "--pidfile", str(pidfile)
            ),
            ready=partial(_exists, pidfile),
            prepare=partial(pidfile.unlink, missing_ok=True),
            depends_on=("worker-dispatch", "worker-outbox"),
            env=self.environment,
        )

    def _celery(self, *arguments: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "celery", "--app", "marketplace", *arguments, "--loglevel", "INFO")


def stores(tree: Tree, redis_port: int) -> tuple[list[Service], str, str]:
    """PostgreSQL and Redis, and their addresses."""
    database, database_url = postgres.service(tree)
    broker, broker_url = redis.service(tree, redis_port)
    return [database, broker], database_url, broker_url


@dataclass(frozen=True)
class Owner:
    """One owner's machine: a node and a Triton, with what is theirs in a folder of their own."""

    slug: str
    home: Path
    port: int
    triton_port: int

    def services(self, market: Marketplace) -> list[Service]:
        repository = self.home / "models"
        argv, environment = triton.command(setup.ENVIRONMENT, setup.backends(), repository, port=self.triton_port)
        server = Service(
            name=f"triton-{self.slug}",
            argv=tuple(argv),
            ready=partial(_live, f"127.0.0.1:{self.triton_port}"),
            prepare=partial(triton.clear_leftovers, repository),
            env=environment,
        )
        node = Service(
            name=f"node-{self.slug}",
            argv=(str(Path(sys.executable).with_name("assay-node")), "run", "--home", str(self.home)),
            ready=probes.tcp(self.port),
            depends_on=(server.name,),
            stop_within=20,
        )
        self._configure(market)
        return [server, node]

    def _configure(self, market: Marketplace) -> None:
        """Writes the node's key and configuration, or brings its addresses up to date."""
        home = Home(self.home)
        config = home.load_config() if home.config.exists() else Config(name=f"{self.slug}-1")
        key = PrivateKey.load(market.tree.key("dispatch")).public
        config = msgspec.structs.replace(
            config,
            listen=f"127.0.0.1:{self.port}",
            triton=TritonSettings(address=f"127.0.0.1:{self.triton_port}", repository="models"),
            # of the demo's owners nobody is at the console: their pages alone change the models of groups
            marketplace=MarketplaceSettings(keys=(str(key),), url=market.url, adopts=True),
        )
        if home.config.exists():
            write_atomically(home.config, to_toml(config).encode())
        else:
            home.create(config)


async def _live(address: str) -> None:
    server = Triton(address)
    try:
        if not await server.live():
            raise NotReady(f"no Triton at {address}")
    finally:
        await server.close()


async def _exists(path: Path) -> None:
    if not path.exists():  # noqa: ASYNC240 -- one system call
        raise NotReady(f"{path} is not there yet")


def _ping(broker: str, worker: str) -> None:
    with celery.Celery(broker=broker, set_as_current=False) as app:
        app.conf.broker_transport_options = BROKER_PATIENCE
        try:
            answers = app.control.ping(destination=[worker], timeout=WORKER_PATIENCE)
        except (KombuError, RedisError) as error:
            raise NotReady(f"the broker does not answer: {type(error).__name__}") from error
    if not answers:
        raise NotReady(f"{worker} does not answer")
