"""Four members as bare servers on loopback: what they hear is kept, what they say is what the test says."""

from __future__ import annotations

import msgspec

from assay.agreement.entry import Asked
from consensus.messages import Decided, Record, Requests, Spoken, decode, encode
from consensus.telling import again
from tests.consensus import made
from tests.wire.conftest import until
from wire.link import Attached, Link
from wire.server import Server, serve


class Members:
    def __init__(self) -> None:
        self.servers: dict[int, Server] = {}
        self.links: dict[int, Link] = {}  # the newest of each
        self.heard: dict[int, list[Spoken]] = {place: [] for place in range(4)}
        self._ports: dict[int, int] = {}

    async def start(self, *places: int) -> None:
        for place in places:
            server = await serve(
                "127.0.0.1", self._ports.get(place, 0), made.KEYS[place], lambda _: True, self._attach(place)
            )
            self.servers[place] = server
            self._ports[place] = int(server.address.rpartition(":")[2])

    async def stop(self, *places: int) -> None:
        for place in places:
            await self.servers.pop(place).close()

    async def close(self) -> None:
        await self.stop(*self.servers)

    async def resolve(self, where: str) -> str:
        places = [each.address for each in made.GENESIS.members]
        return f"127.0.0.1:{self._ports.get(places.index(where), 1)}"

    def say(self, place: int, message: Spoken) -> None:
        self.links[place].send(encode(message))

    def asked(self, place: int) -> list[Asked]:
        """All requests that a member has heard of, each once, in their order."""
        batches = [each.batch for each in self.heard[place] if isinstance(each, Requests)]
        return list({asked.digest: asked for batch in batches for asked in batch.asked}.values())

    async def heard_of(self, count: int, *places: int) -> list[Asked]:
        await until(lambda: all(len(self.asked(place)) >= count for place in places))
        return self.asked(places[0])

    def _attach(self, place: int):
        async def attach(peer, request):
            return Attached(lambda link: self._open(place, link))

        return attach

    def _open(self, place: int, link: Link) -> None:
        def receive(frame: bytes) -> None:
            self.heard[place].append(decode(frame))
            link.taken(len(frame))

        self.links[place] = link
        link.open(receive, lambda _: None)


def told(record: Record, *indexes: int) -> Decided:
    """What a client is told of these outcomes, or of all."""
    every = indexes or tuple(range(len(record.ended)))
    ended = tuple((index, record.ended[index]) for index in every)
    return msgspec.structs.replace(again(record, every[0]), ended=ended)
