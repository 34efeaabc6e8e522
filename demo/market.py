"""The marketplace's REST API as an owner's program would use it: requests, refusals, waiting, uploads in parts.

And how such a program says what it does.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

PART = 4 * 1024 * 1024  # bytes of an upload sent at once
POLL = 0.2  # seconds
PATIENCE = 240.0  # seconds for anything that is waited for
TRIES = 5  # of a request that the server could not take just now

T = TypeVar("T")


class RefusedError(Exception):
    """The marketplace said no; its problem document says why."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem}")
        self.status = status
        self.code = problem.get("code", "")
        self.problem = problem


class Market:
    """One person's access, by API key."""

    def __init__(self, url: str, api_key: str, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=60,
            transport=transport,
        )

    def get(self, path: str, **query: str) -> Any:
        return self._send("GET", path, params=query)

    def find(self, path: str) -> Any | None:
        """The same, or None where there is no such thing."""
        try:
            return self.get(path)
        except RefusedError as refusal:
            if refusal.status != httpx.codes.NOT_FOUND:
                raise
            return None

    def post(self, path: str, body: Any = None, **query: str) -> Any:
        """`body` is sent as it is if it is bytes, else as JSON."""
        if isinstance(body, bytes):
            return self._send(
                "POST", path, content=body, params=query, headers={"Content-Type": "application/json"}
            )
        return self._send("POST", path, json=body, params=query)

    def put(self, path: str, body: Any) -> Any:
        return self._send("PUT", path, json=body)

    def patch(self, path: str, body: Any) -> Any:
        return self._send("PATCH", path, json=body)

    def delete(self, path: str) -> Any:
        return self._send("DELETE", path)

    def every(self, path: str) -> list[dict[str, Any]]:
        """All of a list, page by page."""
        page = self.get(path, limit="100")
        found: list[dict[str, Any]] = page["results"]
        while page["next"]:
            page = self.get(path, limit="100", cursor=page["next"])
            found += page["results"]
        return found

    def upload(self, path: str, file: Path, told: Callable[[int, int], None]) -> None:
        """Sends what the marketplace does not have yet of `file`, for the version at `path`."""
        stands = self.get(f"{path}/file")
        with file.open("rb") as content:
            while stands["offset"] < stands["size"]:
                content.seek(stands["offset"])
                stands = self._send(
                    "PUT",
                    f"{path}/file",
                    content=content.read(PART),
                    headers={"Content-Type": "application/octet-stream", "Upload-Offset": str(stands["offset"])},
                )
                told(stands["offset"], stands["size"])

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, method: str, path: str, **request: Any) -> Any:
        """The answer's JSON. All requests here may be sent twice: what they ask for is then already so."""
        for attempt in range(1, TRIES + 1):
            response = self._http.request(method, path, **request)
            busy = response.status_code in (httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS)
            if not busy or attempt == TRIES:
                break
            time.sleep(float(response.headers.get("Retry-After", "1")))
        if response.is_success:
            return response.json()
        kind = response.headers.get("Content-Type", "")
        raise RefusedError(
            response.status_code, response.json() if "json" in kind else {"detail": response.text[:500]}
        )


def until(look: Callable[[], T | None], what: str) -> T:
    """What `look` gives once it gives something. Raises TimeoutError naming `what`."""
    end = time.monotonic() + PATIENCE
    while (found := look()) is None:
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {PATIENCE:g} s")
        time.sleep(POLL)
    return found


def say(who: str, about: str, text: str) -> None:
    """One write, so that owners at work at the same time do not talk into each other's lines."""
    sys.stdout.write(f"{who:6} {about:14} {text}\n")
    sys.stdout.flush()
