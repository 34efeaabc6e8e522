"""One client that asks through REST as the guide says: an Idempotency-Key for each question, and the same request
again when the connection is lost or the server cannot serve.

It writes down all that it was ever told and lets go of no question before it has ended. Nothing is judged here but
what a client alone can see: a reply that no client should get.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

from stack.chaos.faults import PATIENCE
from stack.chaos.questions import Question

ANSWERS = frozenset({"certified", "contested"})
ENDS = ANSWERS | {"failed", "expired", "cancelled"}
AGAIN = frozenset({409, 429, 503})  # statuses after which the same request is sent again
PATH = "/api/v1/predictions"
SHORT = (2.0, 6.0)  # seconds of a deadline, from and to
LONG = 25.0  # seconds of one in MANY, so that another worker may take the question up
MANY = 3
SOME = 8  # one question in so many is sent twice, and another one is not waited for by the server
PAUSE = 0.2  # seconds before the same request is sent again
BEYOND = 4.0  # seconds that a client waits for an answer beyond the question's deadline
NOTICED = 1.5  # seconds after its deadline from which on nobody may be shown an open prediction


@dataclass
class Asked:
    """One question, and all that its client was told about it."""

    key: str  # of idempotency
    question: Question
    deadline: float  # seconds from its being stored
    sent: float = field(default_factory=time.monotonic)
    ids: set[str] = field(default_factory=set)
    ends: set[tuple[str, str]] = field(default_factory=set)  # status and the certificate's SHA-256
    troubles: Counter[str] = field(default_factory=Counter)  # why something was sent again
    replayed: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def answered(self) -> bool:
        return any(status in ANSWERS for status, _ in self.ends)

    @property
    def body(self) -> bytes:
        return json.dumps({**self.question.asked, "deadline": self.deadline}).encode()

    def note(self, answer: dict[str, Any], sent: float) -> None:
        """Takes down what the server said to a request that left at `sent` (Unix seconds)."""
        self.ids.add(answer["id"])
        late = sent - dt.datetime.fromisoformat(answer["deadline"]).timestamp()
        if answer["status"] in ENDS:
            self.ends.add((answer["status"], (answer["certificate"] or {}).get("sha256", "")))
        elif late > NOTICED:
            self.problems.append(f"shown as {answer['status']} {late:.2f} s after its deadline")


class Client:
    """Asks with one API key; what it does follows from `rng`."""

    def __init__(self, url: str, key: str, rng: random.Random) -> None:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._http = httpx.Client(base_url=url, headers=headers, trust_env=False)
        self._rng = rng

    def close(self) -> None:
        self._http.close()

    def prepare(self, key: str, question: Question) -> Asked:
        """The question, not yet sent."""
        deadline = LONG if self._one_in(MANY) else round(self._rng.uniform(*SHORT), 1)
        return Asked(key, question, deadline)

    def ask(self, asked: Asked) -> None:
        """Sends the question and returns once it has ended, or `problems` says why that is not known."""
        wait = {} if self._one_in(SOME) else {"Prefer": f"wait={math.ceil(asked.deadline) + 2}"}
        headers = {"Idempotency-Key": asked.key, **wait}
        self._say(asked, "POST", PATH, content=asked.body, headers=headers)
        end = time.monotonic() + PATIENCE
        while asked.ids and not asked.ends and time.monotonic() < end:
            self._say(asked, "GET", f"{PATH}/{min(asked.ids)}")
            time.sleep(PAUSE)
        if self._one_in(SOME):
            self._say(asked, "POST", PATH, content=asked.body, headers=headers)

    def _one_in(self, many: int) -> bool:
        return self._rng.randrange(many) == 0

    def _say(self, asked: Asked, method: str, path: str, **request: Any) -> None:
        """Sends a request until there is a reply that counts, and takes that down."""
        timeout = httpx.Timeout(asked.deadline + BEYOND, connect=2.0)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            sent = time.time()
            try:
                reply = self._http.request(method, path, timeout=timeout, **request)
            except httpx.TransportError as error:
                asked.troubles[type(error).__name__] += 1
            else:
                if reply.is_success:
                    asked.replayed += "Idempotent-Replayed" in reply.headers
                    asked.note(reply.json(), sent)
                    return
                if reply.status_code not in AGAIN:
                    asked.problems.append(f"{method} {path}: {reply.status_code} {reply.text[:300]}")
                    return
                asked.troubles[f"{reply.status_code} {reply.json()['code']}"] += 1
            time.sleep(PAUSE)
        asked.problems.append(f"{method} {path}: no reply in {PATIENCE:g} s, after {dict(asked.troubles)}")
