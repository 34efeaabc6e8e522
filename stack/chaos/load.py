"""A bounded load: one client a thread, each asking its next question a moment after the last one has ended."""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from stack.chaos.asking import Asked, Client
from stack.chaos.chance import chance
from stack.chaos.faults import PATIENCE, until
from stack.chaos.questions import Question

THINKING = 0.3  # seconds, at most, between two questions of a client


class Load:
    """Clients that ask inside the `with` block, one for each key; leaving it waits for their last answers."""

    def __init__(self, url: str, keys: Sequence[str], questions: Sequence[Question], seed: int) -> None:
        self.asked: list[Asked] = []
        self.name = f"chaos-{secrets.token_hex(6)}"  # begins its idempotency keys, which no other load may share
        self._url, self._keys, self._questions, self._seed = url, keys, questions, seed
        self._answered: dict[str, float] = {}  # by name, when the latest question that was answered had been sent
        self._over = threading.Event()
        self._threads = ThreadPoolExecutor(len(keys), "client")
        self._clients: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._clients = [self._threads.submit(self._ask_on, number) for number in range(len(self._keys))]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._threads.shutdown()
        if error is None:
            self._raise_what_ended_a_client()

    def all_answer(self, seconds: float = PATIENCE) -> None:
        """Returns once every model and group has answered a question that was asked after this call."""
        now, names = time.monotonic(), {question.name for question in self._questions}

        def silent() -> list[str]:
            self._raise_what_ended_a_client()
            return sorted(name for name in names if self._answered.get(name, 0.0) < now)

        try:
            until(lambda: not silent(), "every model and group answers", seconds)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; silent: {', '.join(silent())}") from None

    def _raise_what_ended_a_client(self) -> None:
        for client in self._clients:
            if client.done():
                client.result()

    def _ask_on(self, number: int) -> None:
        rng = chance(self._seed, "client", number)
        client = Client(self._url, self._keys[number], rng)
        try:
            for count, question in enumerate(_shuffled(self._questions, rng)):
                if self._over.wait(rng.uniform(0, THINKING)):
                    return
                asked = client.prepare(f"{self.name}-{number}-{count}", question)
                self.asked.append(asked)
                client.ask(asked)
                if asked.answered:
                    self._answered[question.name] = max(asked.sent, self._answered.get(question.name, 0.0))
        finally:
            client.close()


def _shuffled(questions: Sequence[Question], rng: random.Random) -> Iterator[Question]:
    """Questions without end, each as often as any other."""
    while True:
        yield from rng.sample(questions, len(questions))
