"""Request bodies as they come in: whole, or refused as soon as they are too large, too many or too slow.

Anybody may send one before it is known who they are. So what all requests of a process hold together is bounded,
and nobody holds a share of it for long. Small bodies are always taken: large ones cannot crowd them out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from assay.errors import Refused, TooLarge, Unavailable

Receive = Callable[[], Awaitable[Mapping[str, Any]]]

ROOM = 1024 * 1024 * 1024  # bytes of all bodies that are being read or answered
SMALL = 64 * 1024  # bytes of a body that is taken though the room is full
PATIENCE = 30.0  # seconds for a body, and one more for each SLOWEST bytes that have come
SLOWEST = 256 * 1024


class Bodies:
    """The bodies that one process holds, each of at most `limit` bytes. Belongs to one event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0

    async def read(self, scope: Mapping[str, Any], receive: Receive) -> bytes:
        """A request's body, which counts until it is `released`.

        Raises TooLarge; Unavailable where there is no room; Refused where it comes too slowly; ConnectionError
        when the client has left.
        """
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if announced.isdigit():
            self._require_size(int(announced[:20]))
        parts: list[bytes] = []
        size, more, start = 0, True, asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(PATIENCE) as patience:
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ConnectionError("the client left")
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    self._held += len(parts[-1])
                    self._require_size(size)
                    if self._held > ROOM and size > SMALL:
                        raise Unavailable("too many large requests at once", hint="Ask again in a moment.")
                    more = message.get("more_body", False)
                    patience.reschedule(start + PATIENCE + size / SLOWEST)
        except BaseException as error:
            self.released(size)
            parts.clear()  # whoever keeps the error keeps this frame, and would keep them
            if isinstance(error, TimeoutError):
                raise Refused("the body came too slowly", code="too-slow", got=f"{size} bytes") from None
            raise
        return b"".join(parts)

    def released(self, size: int) -> None:
        """Of a body of that many bytes nothing is held any more."""
        self._held -= size

    def _require_size(self, size: int) -> None:
        if size > self._limit:
            raise TooLarge("the body is too large", expected=f"at most {self._limit} bytes", got="more")
