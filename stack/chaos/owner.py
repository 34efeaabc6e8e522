"""An owner at work meanwhile: one version of a model is brought to a node and taken off it, over and over.

Each wish is an errand of the outbox, carried out by its workers between restarts of everything they need. What was
wished last must be true in the end, on the node and not only in the table.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from assay.client import Client
from demo import entries
from demo.market import Market, RefusedError
from stack.chaos.faults import PATIENCE, until
from stack.chaos.questions import Question

MODEL = "spare"
LASTING = 2.0  # seconds that a wish lasts
PAUSE = 0.2  # seconds before a request is sent again


class Owner:
    """Wishes inside the `with` block. Leaving it waits until the last wish, to be served, has come true."""

    def __init__(self, url: str, api_key: str, question: Question) -> None:
        """`question` is for a model of this owner's, the file of which is used once more."""
        self.wishes = 0
        self._url, self._key, self._question = url, api_key, question
        self._market = Market(url, api_key)
        self._over = threading.Event()
        self._thread = ThreadPoolExecutor(1, "owner")

    def __enter__(self) -> Self:
        self._node = next(node["id"] for node in self._market.every("/nodes"))
        self._version = self._uploaded()
        self._work = self._thread.submit(self._wish_on)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.shutdown()
        self._market.close()
        if error is None:
            self._work.result()
            self._ask()

    def _uploaded(self) -> str:
        """The address of a private version that has passed its check."""
        owner, _, name = self._question.name.partition("/")
        entry = next(each for each in entries.entries() if (each.owner, each.slug) == (owner, name))
        file = entries.FOLDER / entry.model
        interface = msgspec.json.decode(msgspec.json.encode(entry.interface))
        interface["labels"].reverse()  # so that it is another model to the node
        self._market.post("/models", {"name": MODEL, "task": entry.interface.task, "title": "Spare"})
        versions = f"/models/{owner}/{MODEL}/versions"
        announced = {"weights": "delivered", "size": file.stat().st_size, "interface": interface}
        path = f"{versions}/{self._market.post(versions, announced)['number']}"
        self._market.upload(path, file, lambda *_: None)
        until(lambda: self._market.get(path)["state"] == "ready", f"{path} is ready")
        return path

    def _wish_on(self) -> None:
        while True:
            path = self._deployed()
            until(partial(self._serving, path), f"{path} is serving")
            self.wishes += 1
            if self._over.wait(LASTING):
                return
            _insist(partial(self._market.delete, path))
            self.wishes += 1
            self._over.wait(LASTING)

    def _deployed(self) -> str:
        """The address of the deployment, wished for again."""
        wish = partial(self._market.post, f"{self._version}/deployments", {"node": self._node})
        return f"/deployments/{_insist(wish)['id']}"

    def _serving(self, path: str) -> bool:
        return bool(_insist(partial(self._market.get, path))["state"] == "serving")

    def _ask(self) -> None:
        """Raises what stands in the way of an answer by the version that was deployed last."""
        with Client(self._url, self._key, trust=self._question.trust) as client:
            target = f"{self._question.owner}/{MODEL}@1"
            client.predict(target, inputs=self._question.tensors, timeout=PATIENCE).report.require(pinned=True)


def _insist(send: Callable[[], Any]) -> Any:
    """What `send` gives once the server can serve."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return send()
        except (httpx.TransportError, RefusedError) as error:
            away = isinstance(error, httpx.TransportError) or error.status == httpx.codes.SERVICE_UNAVAILABLE
            if not away or time.monotonic() > end:
                raise
        time.sleep(PAUSE)
