"""Owners' machines with real nodes, in a thread of their own; only Triton is a plain object.

Owners sign with `assay-node accept`, typed on the machine.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from click.testing import CliRunner

from assay.errors import Unavailable
from assay.jsonform import to_json
from assay.keys import PrivateKey
from assay.tensor import Tensor
from inference.validation import Ports
from marketplace.catalogue.interfaces import reference_of
from marketplace.catalogue.models import Node
from node.cli import main
from node.commands.rotate_key import replace_key
from node.config import to_toml
from node.journal import Model
from node.shop import API_KEY
from tests.marketplace import answering
from tests.marketplace.groups import founded
from tests.node import worlds
from wire.deadline import in_seconds
from wire.messages import InGroup

T = TypeVar("T")


class ReadingTriton(worlds.PlainTriton):
    """The label of a picture is its first pixel."""

    async def infer(self, name, inputs, outputs, deadline):
        if not self.is_live:
            raise Unavailable("Triton cannot be reached", code="unreachable")
        labels = inputs[0].array()[:, 0].astype(np.int64)
        found = {"label": labels, "scores": np.eye(10, dtype=np.float32)[labels]}
        return tuple(Tensor.of(port.name, found[port.name]) for port in outputs)


class Machines:
    """By owners' names. A node listens elsewhere each time it is started; its owner says where."""

    def __init__(self, root: Path, marketplace: PrivateKey, url: str) -> None:
        self._root, self._marketplace, self._url = root, marketplace, url
        self._owners: dict[str, tuple[founded.Owner, worlds.Owner]] = {}
        self._running: dict[str, AsyncExitStack] = {}
        self._daemons: dict[str, Any] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="machines")
        self._thread.start()

    def close(self) -> None:
        for name in list(self._running):
            self.stop(name)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def settle(self, owner: founded.Owner) -> None:
        """The owner's node is a real one from now on, and runs."""
        there = worlds.Owner(self._root / owner.slug, self._marketplace, ReadingTriton())
        config = there.home.load_config()
        known = msgspec.structs.replace(config.marketplace, url=self._url)
        there.home.config.write_text(to_toml(msgspec.structs.replace(config, marketplace=known)))
        reference = reference_of(owner.version)
        ports = Ports(answering.INTERFACE.inputs, answering.INTERFACE.outputs)
        there.hold(Model(reference, ports, f"{owner.slug}/digits", wanted=True))
        self._owners[owner.slug] = owner, there
        owner.key = there.key
        Node.objects.filter(pk=owner.node.pk).update(key=there.key.public.raw)
        self.start(owner.slug)

    def start(self, name: str) -> None:
        owner, there = self._owners[name]

        async def run() -> str:
            stack = AsyncExitStack()
            self._daemons[name] = daemon = await stack.enter_async_context(there.running())
            self._running[name] = stack
            return daemon.server.address

        Node.objects.filter(pk=owner.node.pk).update(address=self._do(run()), serving=True)

    def stop(self, name: str) -> None:
        self._do(self._running.pop(name).aclose())
        del self._daemons[name]

    def rotate(self, name: str) -> str:
        """Another key for the node of an owner, which is stopped; the statement for the marketplace."""
        owner, there = self._owners[name]
        statement = replace_key(there.home)
        owner.key = there.key = there.home.load_key()
        return to_json(statement)

    def accept(self, name: str, slug: str, monkeypatch) -> str:
        """What the command says."""
        owner, there = self._owners[name]
        monkeypatch.setenv(API_KEY, owner.person.token)
        typed = ["accept", slug, "--home", str(there.root), "--yes"]
        result = CliRunner().invoke(main, typed, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    def within(self, name: str) -> tuple[InGroup, ...]:
        """The groups of which that node says that it takes part in them."""
        _, there = self._owners[name]
        capable = self._do(there.peer(self._daemons[name]).capabilities(in_seconds(10)))
        return capable.groups

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)
