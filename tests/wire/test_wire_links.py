"""Links: attached by those who may, bounded on both sides, dropped for a reason, opened anew."""

from __future__ import annotations

import asyncio
import logging

import msgspec

import wire.channel
import wire.line
import wire.link
from assay.errors import AssayError, Refused
from assay.keys import PrivateKey
from tests.wire.conftest import World, answer, until
from tests.wire.test_wire_server_hostile import known
from wire.line import Line
from wire.link import APIECE, Attached, Link
from wire.messages import MAX_HELLO, Attach, Done, Failure, Health, Limits

GROUP, OTHER = b"\x07" * 32, b"\x08" * 32


class Group:
    """A server with which one group can be attached to; keeps its links and what came over them."""

    def __init__(self, *, taking: bool = True) -> None:
        self.attached = Attached(self.take)
        self.taking = taking
        self.links: list[Link] = []
        self.frames: list[bytes] = []
        self.problems: list[AssayError] = []
        self.welcome: list[bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def handle(self, peer, request):
        if not isinstance(request, Attach):
            return await answer(peer, request)
        await self.gate.wait()
        if request.group != GROUP:
            raise Refused("no part of this group", code="no-group")
        return self.attached

    def take(self, link: Link) -> None:
        self.links.append(link)
        for each in self.welcome:
            link.send(each)
        link.open(self.receive, self.problems.append)

    def receive(self, frame: bytes) -> None:
        if frame == b"nonsense":
            raise Refused("not a message", code="invalid-message")
        self.frames.append(frame)
        if self.taking:
            self.links[-1].taken(len(frame))


class Caller:
    """The other end: a line, and what it has been told."""

    def __init__(self, world: World, address: str, group: bytes = GROUP, **options) -> None:
        self.frames: list[bytes] = []
        self.ups = self.downs = 0
        self.taking = True
        identity = options.pop("identity", world.marketplace)
        self.line = Line(
            address,
            world.node.public,
            identity,
            group,
            on_frame=self._receive,
            on_up=self._up,
            on_down=self._down,
            **options,
        )
        world.started.append(self.line)

    def _receive(self, frame: bytes) -> None:
        self.frames.append(frame)
        if self.taking:
            self.line.taken(len(frame))

    def _up(self) -> None:
        self.ups += 1

    def _down(self) -> None:
        self.downs += 1


async def attached(world: World, group: bytes = GROUP) -> tuple[wire.channel.Channel, object]:
    """A channel that has asked to be attached, with nothing on top, and what was answered."""
    channel = await known(world, world.started[0].address)
    channel.send(msgspec.msgpack.encode(Attach(id=1, group=group)))
    answered = msgspec.msgpack.decode(await channel.receive(), type=Done | Failure)
    return channel, answered


async def test_who_only_attaches_fills_no_memory_before_that(world):
    group = Group()
    server = await world.serve(group.handle)
    server._asks = lambda _: False
    caller = Caller(world, server.address)
    await until(lambda: caller.line.up)
    caller.line.send(bytes(1_000_000))
    await until(lambda: len(group.frames) == 1)
    channel = await known(world, server.address)
    channel.transport.write((MAX_HELLO + 1).to_bytes(4, "big"))
    await until(lambda: channel.problem is not None)
    assert caller.downs == 0


async def test_frames_go_both_ways_in_their_order(world):
    group = Group()
    caller = Caller(world, (await world.serve(group.handle)).address)
    await until(lambda: caller.line.up)
    sent = [b"%d" % i for i in range(2000)]
    for each in sent:
        caller.line.send(each)
        group.links[0].send(each)
    await until(lambda: len(caller.frames) == len(group.frames) == 2000)
    assert caller.frames == group.frames == sent
    assert group.links[0].peer == world.marketplace.public


async def test_the_largest_frame_goes_through_and_a_larger_one_is_not_sent(world, caplog):
    group = Group()
    caller = Caller(world, (await world.serve(group.handle)).address)
    await until(lambda: caller.line.up)
    most = Limits().frame
    caller.line.send(bytes(most + 1))
    caller.line.send(bytes(most))
    await until(lambda: bool(group.frames))
    assert [len(each) for each in group.frames] == [most]
    assert caller.line.up
    assert f"a frame of {most + 1} bytes" in caplog.text


async def test_a_frame_over_the_limit_ends_the_link(world, caplog):
    group = Group()
    await world.serve(group.handle, limits=Limits(frame=8192))
    channel, _ = await attached(world)
    channel.transport.write((8193).to_bytes(4, "big"))
    await until(lambda: bool(group.problems))
    assert group.problems[0].code == "frame-too-large"
    await until(lambda: "is gone: frame is too large" in caplog.text)


async def test_what_comes_right_behind_the_answer_belongs_to_the_link(world):
    group = Group()
    group.welcome = [bytes([i]) * 20_000 for i in range(50)]
    caller = Caller(world, (await world.serve(group.handle)).address)
    await until(lambda: len(caller.frames) == 50)
    assert caller.frames == group.welcome


async def test_a_stranger_is_refused_and_told_why(world, caplog):
    group = Group()
    caller = Caller(world, (await world.serve(group.handle)).address, identity=PrivateKey.generate())
    await until(lambda: "this node does not know your key" in caplog.text)
    assert (caller.ups, group.links) == (0, [])


async def test_whoever_may_connect_can_change_while_the_server_runs(world, caplog):
    group, stranger, welcome = Group(), PrivateKey.generate(), set()
    server = await world.serve(group.handle)
    server._allowed = welcome.__contains__
    caller = Caller(world, server.address, identity=stranger)
    await until(lambda: "does not know your key" in caplog.text)
    welcome.add(stranger.public)
    await until(lambda: caller.line.up)


async def test_a_member_of_another_group_is_refused_and_told_once(world, caplog):
    caplog.set_level(logging.INFO, "wire.line")
    group = Group()
    caller = Caller(world, (await world.serve(group.handle)).address, OTHER)
    attempts = [0]
    reached = caller.line._attached

    async def counted():
        attempts[0] += 1
        return await reached()

    caller.line._attached = counted
    await until(lambda: attempts[0] >= 3)
    assert (caller.ups, group.links) == (0, [])
    assert caplog.text.count("no part of this group") == 1


async def test_a_refused_attach_leaves_an_ordinary_connection(world):
    await world.serve(Group().handle)
    channel, answered = await attached(world, OTHER)
    assert answered.code == "no-group"
    channel.send(msgspec.msgpack.encode(Health(id=2)))
    assert b"healthy" in await channel.receive()


async def test_a_request_beside_an_attach_ends_the_connection(world, caplog):
    group = Group()
    group.gate.clear()
    await world.serve(group.handle)
    channel = await known(world, world.started[0].address)
    channel.send(msgspec.msgpack.encode(Attach(id=1, group=GROUP)))
    channel.send(msgspec.msgpack.encode(Health(id=2)))
    await until(lambda: channel.problem is not None)
    assert "messages out of turn" in caplog.text
    group.gate.set()
    assert group.links == []


async def test_an_attach_beside_a_request_ends_the_connection(world, caplog):
    gate = asyncio.Event()

    async def slow(peer, request):
        await gate.wait()
        return Done(id=request.id)

    await world.serve(slow)
    channel = await known(world, world.started[0].address)
    channel.send(msgspec.msgpack.encode(Health(id=1)))
    channel.send(msgspec.msgpack.encode(Attach(id=2, group=GROUP)))
    await until(lambda: channel.problem is not None)
    assert "messages out of turn" in caplog.text


async def test_what_is_not_taken_is_no_longer_read(world, monkeypatch):
    monkeypatch.setattr(wire.link, "UNTAKEN", 1000 * APIECE)
    group = Group(taking=False)
    caller = Caller(world, (await world.serve(group.handle)).address)
    await until(lambda: caller.line.up)
    for _ in range(20):
        for _ in range(5000):
            caller.line.send(b"x")
        await asyncio.sleep(0)
    await until(lambda: len(group.frames) > 1000)
    for _ in range(200):
        await asyncio.sleep(0)
    held = len(group.frames)
    assert held < 60_000, "what the transport had read already, no more"
    group.taking = True
    for _ in range(held):
        group.links[0].taken(1)
    await until(lambda: len(group.frames) == 100_000)


async def test_a_peer_that_does_not_read_is_dropped_before_memory_fills_and_opened_anew(
    world, monkeypatch, caplog
):
    monkeypatch.setattr(wire.link, "UNTAKEN", 1_000_000)
    monkeypatch.setattr(wire.link, "UNSENT", 8_000_000)
    group = Group(taking=False)
    caller = Caller(world, (await world.serve(group.handle)).address)
    await until(lambda: caller.line.up)
    most = 0
    while not caller.downs:
        caller.line.send(bytes(500_000))
        most = max(most, caller.line.unsent)
        await asyncio.sleep(0)
    assert most <= 8_500_000
    assert "the peer does not read" in caplog.text
    await until(lambda: caller.ups == 2)


async def test_a_peer_that_reads_nothing_for_long_is_dropped_though_little_waits_for_it(
    world, monkeypatch, caplog
):
    monkeypatch.setattr(wire.link, "UNTAKEN", 1_000_000)
    monkeypatch.setattr(wire.link, "BEAT", 0.02)
    monkeypatch.setattr(wire.channel, "STALLED", 0.2)
    group = Group(taking=False)
    caller = Caller(world, (await world.serve(group.handle)).address)
    await until(lambda: caller.line.up)
    for _ in range(100):  # the kernel holds up to 40 MB of it
        caller.line.send(bytes(1_000_000))
    await until(lambda: caller.downs == 1)
    assert "the peer has stopped reading" in caplog.text


async def test_whoever_is_slow_to_take_is_not_silent(world, monkeypatch):
    """Neither is one whose own reading is paused: it cannot hear."""
    monkeypatch.setattr(wire.link, "BEAT", 0.02)
    monkeypatch.setattr(wire.link, "UNTAKEN", 1000)
    group = Group(taking=False)
    caller = Caller(world, (await world.serve(group.handle)).address)
    await until(lambda: caller.line.up)
    caller.taking = False
    for _ in range(10):
        group.links[0].send(bytes(1000))
    await until(lambda: len(caller.frames) >= 1)
    async with asyncio.timeout(20):
        for _ in range(8):
            await caller.line._link._channel.writable()
            await asyncio.sleep(0.02)
    assert caller.downs == 0
    caller.taking = True
    for _ in caller.frames:
        caller.line.taken(1000)
    await until(lambda: len(caller.frames) == 10)


async def test_a_peer_that_falls_silent_is_given_up(world, monkeypatch, caplog):
    monkeypatch.setattr(wire.link, "BEAT", 0.02)
    group = Group()
    caller = Caller(world, (await world.serve(group.handle)).address)
    await until(lambda: caller.line.up)
    group.links[0]._heart.cancel()
    await until(lambda: caller.downs == 1)
    assert "the peer is silent" in caplog.text


async def test_beats_are_heard_and_not_handed_on(world, monkeypatch):
    monkeypatch.setattr(wire.link, "BEAT", 0.02)
    group = Group()
    caller = Caller(world, (await world.serve(group.handle)).address)
    await until(lambda: caller.line.up)
    before = group.links[0]._channel.received
    await until(lambda: group.links[0]._channel.received >= before + 5)
    assert (group.frames, caller.downs) == ([], 0)


async def test_half_a_frame_and_then_nothing_ends_the_link(world, monkeypatch):
    monkeypatch.setattr(wire.channel, "STALLED", 0.1)
    group = Group()
    await world.serve(group.handle)
    channel, _ = await attached(world)
    channel.transport.write((100).to_bytes(4, "big") + bytes(50))
    await until(lambda: bool(group.problems))
    assert group.problems[0].code == "stalled"


async def test_a_pause_in_the_middle_of_a_frame_is_not_the_senders_fault(world, monkeypatch):
    monkeypatch.setattr(wire.channel, "STALLED", 0.1)
    monkeypatch.setattr(wire.link, "UNTAKEN", 1000)
    group = Group(taking=False)
    await world.serve(group.handle)
    channel, _ = await attached(world)
    whole = (2000).to_bytes(4, "big") + bytes(2000)
    channel.transport.write(whole + whole[:1000])
    await until(lambda: len(group.frames) == 1)
    await asyncio.wait({asyncio.create_task(asyncio.Event().wait())}, timeout=0.3)
    assert group.problems == []
    group.links[0].taken(2000)
    channel.transport.write(whole[1000:])
    await until(lambda: len(group.frames) == 2)


async def test_a_refused_frame_ends_that_link_alone_and_names_its_sender(world, caplog):
    group = Group()
    server = await world.serve(group.handle)
    good, bad = Caller(world, server.address), Caller(world, server.address)
    await until(lambda: good.line.up and bad.line.up)
    bad.line.send(b"nonsense")
    await until(lambda: bad.downs == 1)
    assert f"{world.marketplace.public} at 127.0.0.1 is gone: not a message" in caplog.text
    assert (good.downs, good.line.up) == (0, True)


async def test_whoever_closes_at_once_is_not_called_slow(world, caplog):
    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0) as server:
        Caller(world, f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await until(lambda: "no link: " in caplog.text)
    assert "too slow" not in caplog.text


async def test_a_line_comes_back_with_its_server_and_what_was_sent_meanwhile_is_lost(world):
    group = Group()
    server = await world.serve(group.handle)
    caller = Caller(world, server.address)
    await until(lambda: caller.line.up)
    await server.close()
    await until(lambda: caller.downs == 1)
    for _ in range(1000):
        caller.line.send(bytes(1_000_000))
    assert caller.line.unsent == 0
    await world.serve(group.handle, port=int(server.address.rpartition(":")[2]))
    await until(lambda: caller.ups == 2)
    caller.line.send(b"after")
    await until(lambda: b"after" in group.frames)
    assert group.frames == [b"after"]


async def test_a_line_that_is_told_that_its_peer_is_there_waits_no_longer(world, monkeypatch):
    monkeypatch.setattr(wire.line, "FIRST_PAUSE", 3600.0)
    monkeypatch.setattr(wire.line, "LONGEST_PAUSE", 3600.0)
    group = Group()
    server = await world.serve(group.handle)
    caller = Caller(world, server.address)
    await until(lambda: caller.line.up)
    await server.close()
    await until(lambda: caller.downs == 1)
    await world.serve(group.handle, port=int(server.address.rpartition(":")[2]))
    for _ in range(100):
        await asyncio.sleep(0)
    assert caller.ups == 1
    caller.line.hurry()
    await until(lambda: caller.ups == 2)


async def test_a_closed_line_is_gone_on_the_other_side_too(world):
    group = Group()
    caller = Caller(world, (await world.serve(group.handle)).address)
    await until(lambda: caller.line.up)
    caller.line.send(b"last")
    await caller.line.close()
    await until(lambda: bool(group.problems))
    assert (group.frames, group.problems[0].code) == ([b"last"], "closed")
    assert not group.links[0].alive
    group.links[0].send(b"into the void")


async def test_a_server_that_closes_ends_its_links(world):
    group = Group()
    server = await world.serve(group.handle)
    caller = Caller(world, server.address)
    await until(lambda: caller.line.up)
    await server.close()
    assert group.problems[0].code == "closed"
    assert server.connections == 0
