"""Strangers and badly behaved peers at a real server: dropped, logged, and the others never notice."""

from __future__ import annotations

import asyncio
import logging
import ssl

import msgspec
import pytest

from assay.errors import Unavailable
from assay.keys import PrivateKey
from tests.wire.conftest import until
from wire import address, tls
from wire.channel import Channel
from wire.deadline import in_seconds
from wire.frames import framed
from wire.handshake import Opener
from wire.messages import MAX_HELLO, Health, Healthy, Limits, Result
from wire.opening import open_as
from wire.server import OPENING_PLACES


async def dial(
    where: str, context: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = address.split(where)
    return await asyncio.open_connection(host, port, ssl=context)


async def read_to_the_end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await asyncio.wait_for(reader.read(), 20)
    except ConnectionError:
        return b""


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def known(world, where: str, limits: Limits | None = None) -> Channel:
    """A channel past the handshake, with nothing on top: free to misbehave."""
    host, port = address.split(where)
    channel = Channel(MAX_HELLO)
    transport, _ = await asyncio.get_running_loop().create_connection(
        lambda: channel, host, port, ssl=tls.client()
    )
    binding = tls.binding_seen(transport.get_extra_info("ssl_object"))
    world.started.append(channel)
    await open_as(Opener(world.marketplace, world.node.public, binding, limits or Limits()), channel)
    return channel


async def still_serves(world, server) -> None:
    """A known peer gets through; at once, or where the server's patience is short and the machine busy, soon."""
    peer = world.peer(server.address)
    async with asyncio.timeout(20):
        while True:
            try:
                assert (await peer.health(in_seconds(20))).serving
            except Unavailable:
                await asyncio.sleep(0)
            else:
                return


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff" * 64,
        (MAX_HELLO + 1).to_bytes(4, "big"),
        bytes(4),
        framed(b"\xc1"),
        framed(b"\x81\xa4type\xa1\xff"),  # text that is not UTF-8
        framed(msgspec.msgpack.encode({"type": "submit", "id": 1})),
        framed(msgspec.msgpack.encode({"type": "proof", "signature": bytes(64)})),
        framed(msgspec.msgpack.encode({"type": "hello", "version": 1, "key": bytes(31), "nonce": bytes(32)})),
    ],
)
async def test_garbage_instead_of_a_handshake_is_dropped(world, caplog, garbage):
    server = await world.serve()
    reader, writer = await dial(server.address, tls.client())
    writer.write(garbage)
    await read_to_the_end(reader)
    await hang_up(writer)
    await still_serves(world, server)
    assert "dropped 127.0.0.1" in caplog.text


async def test_a_stranger_cannot_write_into_the_log(world, caplog):
    server = await world.serve()
    reader, writer = await dial(server.address, tls.client())
    line = "all is well\n2026-01-01 INFO wire.server: forged"
    writer.write(framed(msgspec.msgpack.encode({"type": "failure", "id": 0, "code": line, "detail": line})))
    await read_to_the_end(reader)
    await hang_up(writer)
    await still_serves(world, server)
    assert "not a handshake message" in caplog.text
    assert "forged" not in caplog.text


async def test_garbage_instead_of_tls_is_dropped(world, caplog):
    server = await world.serve()
    reader, writer = await dial(server.address)
    writer.write(b"\x00" * 100)
    await read_to_the_end(reader)
    await hang_up(writer)
    await still_serves(world, server)
    assert "dropped 127.0.0.1" in caplog.text


async def test_whoever_only_looks_whether_there_is_a_server_is_no_warning(world, caplog):
    caplog.set_level(logging.DEBUG, "wire.server")
    server = await world.serve()
    _, writer = await dial(server.address)
    await hang_up(writer)
    await until(lambda: "127.0.0.1 left without a word" in caplog.text)
    await still_serves(world, server)
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


async def test_whoever_leaves_in_the_middle_of_opening_is_named(world, caplog):
    server = await world.serve()
    _, writer = await dial(server.address)
    writer.write(b"\x16\x03\x01")  # TLS, but not all of a record
    await hang_up(writer)
    await until(lambda: "dropped 127.0.0.1" in caplog.text)
    assert "too slow" not in caplog.text


@pytest.mark.parametrize("through_tls", [False, True])
async def test_whoever_connects_and_says_nothing_is_dropped(world, through_tls):
    server = await world.serve(opening=1.0)
    reader, writer = await dial(server.address, tls.client() if through_tls else None)
    await read_to_the_end(reader)  # ends, or the test fails by its time-out
    await hang_up(writer)


async def test_a_hello_dripped_byte_by_byte_does_not_extend_its_time(world):
    server = await world.serve(opening=1.5)
    reader, writer = await dial(server.address, tls.client())
    end = asyncio.create_task(read_to_the_end(reader))
    for byte in framed(bytes(4000)):
        if end.done():
            break
        writer.write(bytes([byte]))
        await asyncio.wait({end}, timeout=0.01)
    else:
        pytest.fail("a stranger was listened to for ever")
    await hang_up(writer)


async def test_silent_strangers_take_few_places_and_known_peers_are_not_kept_out_for_long(world, caplog):
    server = await world.serve(opening=0.5)
    strangers = [await dial(server.address) for _ in range(60)]
    ends = [asyncio.create_task(read_to_the_end(reader)) for reader, _ in strangers]
    await asyncio.gather(*ends)
    assert "too many connections are opening" in caplog.text
    for _, writer in strangers:
        await hang_up(writer)
    await still_serves(world, server)


async def test_strangers_who_come_again_and_again_from_many_hosts_do_not_keep_a_known_peer_out(world):
    server = await world.serve(opening=60)
    host, port = address.split(server.address)

    async def silent(number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(host, port, local_addr=(f"127.0.1.{number % 8 + 1}", 0))

    strangers = [await silent(number) for number in range(OPENING_PLACES + 20)]
    peer = world.peer(server.address)
    assert (await peer.health(in_seconds(20))).serving
    for _, writer in strangers:
        await hang_up(writer)


async def test_older_tls_is_not_spoken(world):
    server = await world.serve()
    context = tls.client()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await dial(server.address, context)


async def test_a_man_in_the_middle_who_terminates_tls_gets_nothing_through(world, submit):
    """He relays every frame between a real client and a real node, through two TLS connections of his own."""
    asked = []

    async def note(peer, request):
        asked.append(request)
        return Result(id=request.id, certificate=b"")

    server = await world.serve(note)
    passed = []

    async def relay(reader, writer):
        onward, outward = await dial(server.address, tls.client())

        async def pump(source, sink):
            while data := await source.read(65536):
                passed.append(data)
                sink.write(data)
            sink.close()

        await asyncio.gather(pump(reader, outward), pump(onward, writer), return_exceptions=True)

    mallory = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=tls.server().context)
    host, port = mallory.sockets[0].getsockname()
    try:
        with pytest.raises(Unavailable) as failed:
            await world.peer(address.join(host, port)).submit(submit())
        assert failed.value.code == "bad-signature"
        assert asked == []
        assert passed, "he was in the middle"
    finally:
        mallory.close()


async def test_a_frame_above_the_agreed_size_ends_the_connection(world, caplog):
    server = await world.serve(limits=Limits(frame=5000))
    channel = await known(world, server.address)
    channel.send(bytes(5001))
    with pytest.raises(Unavailable):
        await channel.receive()
    await still_serves(world, server)
    assert "frame is too large" in caplog.text
    assert str(world.marketplace.public) in caplog.text


async def test_a_known_peer_that_floods_is_dropped(world, caplog):
    async def hang(peer, request):
        if isinstance(request, Health):
            return Healthy(id=request.id, serving=True, detail="", in_flight=0, answered=0)
        return await asyncio.Event().wait()

    server = await world.serve(hang, limits=Limits(in_flight=8))
    channel = await known(world, server.address)
    request = {"type": "cancel", "request": bytes(16)}
    for i in range(9):
        channel.send(msgspec.msgpack.encode(request | {"id": i}))
    with pytest.raises(Unavailable):
        await channel.receive()
    await still_serves(world, server)
    assert "too many unanswered requests" in caplog.text


async def test_a_malformed_request_is_answered_and_its_neighbours_are_not_harmed(world):
    server = await world.serve()
    channel = await known(world, server.address)
    channel.send(msgspec.msgpack.encode({"type": "cancel", "id": 7, "request": b"short"}))
    channel.send(msgspec.msgpack.encode({"type": "health", "id": 8}))
    answers = {a["id"]: a for a in [msgspec.msgpack.decode(await channel.receive()) for _ in range(2)]}
    assert (answers[7]["type"], answers[7]["code"], answers[7]["pointer"]) == (
        "failure",
        "invalid-message",
        "/request",
    )
    assert answers[8]["type"] == "healthy"
    await channel.close()


@pytest.mark.parametrize(
    "request_",
    [
        *map(msgspec.msgpack.encode, ({"type": "health"}, {"type": "health", "id": -1}, {"type": "nonsense"})),
        *map(msgspec.msgpack.encode, ([1, 2], "text")),
        b"\x81\xa4type\xa1\xff",  # text that is not UTF-8
    ],
)
async def test_a_request_that_says_not_even_whom_to_answer_ends_the_connection(world, request_, caplog):
    server = await world.serve()
    channel = await known(world, server.address)
    channel.send(request_)
    with pytest.raises(Unavailable):
        await channel.receive()
    await still_serves(world, server)
    assert "Traceback" not in caplog.text


async def test_unknown_fields_are_refused(world):
    server = await world.serve()
    channel = await known(world, server.address)
    channel.send(msgspec.msgpack.encode({"type": "health", "id": 1, "extra": 1}))
    answer = msgspec.msgpack.decode(await channel.receive())
    assert (answer["code"], answer["id"]) == ("invalid-message", 1)
    await channel.close()


async def test_a_peer_that_begins_a_frame_and_stops_is_dropped(world, monkeypatch, caplog):
    server = await world.serve()
    channel = await known(world, server.address)
    monkeypatch.setattr("wire.channel.STALLED", 0.1)
    channel.transport.write(b"\0\0\1\0half")
    with pytest.raises(Unavailable):
        await channel.receive()
    assert "begun and not finished" in caplog.text


async def test_a_peer_that_asks_and_never_reads_is_dropped_and_cannot_fill_the_memory(world, monkeypatch, caplog):
    monkeypatch.setattr("wire.channel.STALLED", 0.3)
    answered = 0

    async def large(peer, request):
        nonlocal answered
        answered += 1
        return Result(id=request.id, certificate=bytes(8 * 1024 * 1024))

    server = await world.serve(large, limits=Limits(in_flight=16))
    channel = await known(world, server.address)
    channel.pause()
    for i in range(16):
        channel.send(msgspec.msgpack.encode({"type": "cancel", "id": i, "request": bytes(16)}))
    await world.until(lambda: not server.connections)
    assert "stopped reading" in caplog.text
    assert answered <= 16


async def test_bytes_of_unanswered_requests_are_bounded_by_not_reading_on(world, submit, monkeypatch):
    monkeypatch.setattr("wire.session.HELD", 3_000_000)
    held = most = 0

    async def slow(peer, request):
        nonlocal held, most
        if isinstance(request, Health):
            raise Unavailable("busy")
        held += len(request.inputs[0].data)
        most = max(most, held)
        await asyncio.sleep(0.01)
        held -= len(request.inputs[0].data)
        return Result(id=request.id, certificate=request.request)

    server = await world.serve(slow)
    peer = world.peer(server.address)
    answers = await asyncio.gather(*(peer.submit(submit(i, rows=4000)) for i in range(30)))  # 1 MB each
    assert len(answers) == 30
    assert most < 6_000_000, most


async def test_one_key_holds_a_bounded_number_of_connections(world, monkeypatch):
    monkeypatch.setattr("wire.server.CONNECTIONS_PER_KEY", 2)
    server = await world.serve()
    first, second = [await known(world, server.address) for _ in range(2)]
    with pytest.raises(Unavailable, match="too many connections"):
        await known(world, server.address)
    await first.close()
    await world.until(lambda: server.connections == 1)
    await (await known(world, server.address)).close()
    await second.close()


async def test_a_stranger_is_never_handed_to_the_handler(world):
    async def fail(peer, request):
        pytest.fail("reached")

    server = await world.serve(fail)
    with pytest.raises(Unavailable, match="does not know your key"):
        await world.peer(server.address, identity=PrivateKey.generate()).health(in_seconds(20))


async def test_another_node_at_the_address_is_not_talked_to(world):
    server = await world.serve()
    peer = world.peer(server.address, expected=PrivateKey.generate().public)
    with pytest.raises(Unavailable) as failed:
        await peer.health(in_seconds(20))
    assert failed.value.code == "wrong-peer"
