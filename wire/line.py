"""A link kept up: opened, attached, opened anew after a pause that grows, for as long as anybody wants it.

While it is down, what is sent is lost; `on_up` is when to say again what matters.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from assay.errors import AssayError
from assay.keys import PrivateKey, PublicKey
from wire import tls
from wire.channel import OnFrame
from wire.dial import CONNECTING, Resolve, dial
from wire.link import Link, attach
from wire.messages import Limits

FIRST_PAUSE = 0.1  # seconds before the first attempt after a loss
LONGEST_PAUSE = 2.0

_log = logging.getLogger(__name__)


class Line:
    """A link of `group` to the holder of `expected` at `where` (host:port), opened as `identity`.

    Frames go to `on_frame` as with `Link.open`; `on_up` and `on_down` are told of each link. Runs until `close`.
    """

    def __init__(
        self,
        where: str,
        expected: PublicKey,
        identity: PrivateKey,
        group: bytes,
        *,
        on_frame: OnFrame,
        on_up: Callable[[], None] | None = None,
        on_down: Callable[[], None] | None = None,
        resolve: Resolve | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.address = where
        self.key = expected
        self._identity = identity
        self._group = group
        self._on_frame = on_frame
        self._on_up = on_up or _nobody
        self._on_down = on_down or _nobody
        self._resolve = resolve
        self._limits = limits or Limits()
        self._tls = tls.client()
        self._link: Link | None = None
        self._problem = ""
        self._pause = 0.0
        self._hurried = asyncio.Event()
        self._work = asyncio.create_task(self._keep_up())

    @property
    def up(self) -> bool:
        return self._link is not None and self._link.alive

    @property
    def unsent(self) -> int:
        """Bytes that the peer has not taken yet."""
        return self._link.unsent if self._link is not None else 0

    def send(self, frame: bytes) -> None:
        """Never waits; lost while the line is down."""
        if self._link is not None:
            self._link.send(frame)

    def taken(self, size: int) -> None:
        """As with `Link.taken`; of a link that is lost, nothing is counted any more."""
        if self._link is not None:
            self._link.taken(size)

    def hurry(self) -> None:
        """The peer is known to be there: if it is being waited for, the pause is over."""
        self._hurried.set()

    async def close(self) -> None:
        self._work.cancel()
        await asyncio.gather(self._work, return_exceptions=True)

    async def _keep_up(self) -> NoReturn:
        while True:
            try:
                async with asyncio.timeout(CONNECTING):
                    link = await self._attached()
            except (AssayError, OSError, TimeoutError) as error:
                unsaid = "too slow" if isinstance(error, TimeoutError) else "closed while opening"
                self._tell(f"no link: {str(error) or unsaid}")
                self._pause = self._longer()
            else:
                await self._use(link)
            await self._rest()

    async def _rest(self) -> None:
        jitter = random.uniform(0.5, 1.0)  # noqa: S311  # nosec B311 - spreads callers
        self._hurried.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause * jitter):
                await self._hurried.wait()

    async def _attached(self) -> Link:
        channel, limits = await dial(
            self.address, self.key, self._identity, self._limits, context=self._tls, resolve=self._resolve
        )
        try:
            return await attach(channel, limits, self.key, self._group)
        except BaseException:
            channel.transport.abort()
            raise

    async def _use(self, link: Link) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        lost: asyncio.Future[AssayError] = loop.create_future()

        def end(problem: AssayError) -> None:
            if not lost.done():
                lost.set_result(problem)

        self._link, self._problem = link, ""
        try:
            self._on_up()
            link.open(self._on_frame, end)
            self._tell(f"lost the link: {await lost}")
        finally:
            self._link = None
            self._on_down()
            await link.close()
        lived = loop.time() - begun
        self._pause = FIRST_PAUSE if lived > LONGEST_PAUSE else self._longer()

    def _longer(self) -> float:
        return max(FIRST_PAUSE, min(LONGEST_PAUSE, 2 * self._pause))

    def _tell(self, problem: str) -> None:
        """Once for each problem, however often it comes in a row."""
        level = logging.DEBUG if problem == self._problem else logging.WARNING
        self._problem = problem
        _log.log(level, "%s at %s: %s", self.key, self.address, problem)


def _nobody() -> None:
    """Nobody wants to know."""
