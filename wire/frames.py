"""Frames: a length of 4 bytes, big-endian, then that many bytes. Pure: bytes in, whole frames out, no I/O.

Refuses a frame that is empty or longer than the limit in force as soon as its header is there, so that a lying
length costs nothing; memory grows with the bytes that arrived, never with the length that was announced.
"""

from __future__ import annotations

from assay.errors import Refused, TooLarge

HEADER = 4  # bytes of the length


def framed(payload: bytes) -> bytes:
    """`payload` as one frame."""
    return len(payload).to_bytes(HEADER, "big") + payload


class Parser:
    """Cuts a stream of bytes, however it was chopped up, into frames of at most `limit` bytes.

    `limit` may be raised between two frames, once the peer is known. After a refusal the stream has lost its
    place and the parser must not be used again.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buffer = bytearray()

    @property
    def partial(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that `data` completes, in order. Raises TooLarge or Refused naming the length."""
        self._buffer += data
        payloads: list[bytes] = []
        at = 0
        with memoryview(self._buffer) as view:
            while (start := at + HEADER) <= len(view):
                end = start + self._length(view[at:start])
                if end > len(view):
                    break
                payloads.append(bytes(view[start:end]))
                at = end
        del self._buffer[:at]
        return payloads

    def _length(self, header: memoryview) -> int:
        length = int.from_bytes(header, "big")
        if length > self.limit:
            raise TooLarge(
                "frame is too large",
                code="frame-too-large",
                expected=f"at most {self.limit} bytes",
                got=f"{length} bytes",
            )
        if length == 0:
            raise Refused("frame is empty", code="empty-frame", expected="at least 1 byte", got="0 bytes")
        return length
