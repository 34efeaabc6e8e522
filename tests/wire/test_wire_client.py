"""A peer as its callers see it: pipelines, reconnects, keeps deadlines, notices a frozen node."""

from __future__ import annotations

import asyncio

import pytest

from assay.errors import DeadlineExceeded, Refused, TooLarge, Unavailable
from assay.keys import PrivateKey
from wire.deadline import in_seconds
from wire.messages import Done, Healthy, Limits, Result, Submit


async def test_many_requests_share_one_connection_and_each_gets_its_own_answer(world, submit):
    server = await world.serve()
    peer = world.peer(server.address)
    answers = await asyncio.gather(*(peer.submit(submit(i)) for i in range(3000)))
    assert answers == [i.to_bytes(16, "big") for i in range(3000)]
    assert server.connections == 1


async def test_answers_may_come_in_another_order_than_the_requests(world, submit):
    gate = asyncio.Event()

    async def hold_the_first(peer, request):
        if request.request == bytes(16):
            await gate.wait()
        return Result(id=request.id, certificate=request.request)

    peer = world.peer((await world.serve(hold_the_first)).address)
    first = asyncio.create_task(peer.submit(submit(0)))
    assert await peer.submit(submit(1)) == (1).to_bytes(16, "big")
    assert not first.done()
    gate.set()
    assert await first == bytes(16)


async def test_a_large_tensor_goes_through(world, submit):
    sizes = []

    async def measure(peer, request):
        sizes.append(len(request.inputs[0].data))
        return Result(id=request.id, certificate=b"x")

    peer = world.peer((await world.serve(measure)).address)
    await peer.submit(submit(0, rows=200_000))
    assert sizes == [200_000 * 64 * 4]


async def test_a_request_above_the_agreed_frame_is_refused_before_it_is_sent(world, submit):
    server = await world.serve(limits=Limits(frame=8192))
    peer = world.peer(server.address)
    with pytest.raises(Refused, match="larger than the node takes") as refused:
        await peer.submit(submit(0, rows=100))
    assert refused.value.code == "too-large"
    assert await peer.submit(submit(1)) == (1).to_bytes(16, "big")


async def test_more_requests_than_may_be_in_flight_wait_their_turn(world, submit):
    most = 0
    now = 0

    async def count(peer, request):
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return Result(id=request.id, certificate=request.request)

    peer = world.peer((await world.serve(count, limits=Limits(in_flight=4))).address)
    await asyncio.gather(*(peer.submit(submit(i)) for i in range(100)))
    assert 1 <= most <= 4


async def test_a_request_that_is_not_answered_in_time_raises_and_the_late_answer_harms_nobody(world, submit):
    gate = asyncio.Event()

    async def late(peer, request):
        if request.request == bytes(16):
            await gate.wait()
        return Result(id=request.id, certificate=request.request)

    peer = world.peer((await world.serve(late)).address)
    with pytest.raises(DeadlineExceeded):
        await peer.submit(submit(0, deadline=in_seconds(0.2)))
    gate.set()
    assert await peer.submit(submit(1)) == (1).to_bytes(16, "big")


async def test_a_deadline_in_the_past_raises_at_once(world, submit):
    peer = world.peer((await world.serve()).address)
    with pytest.raises(DeadlineExceeded):
        await peer.submit(submit(0, deadline=1))


async def test_what_a_handler_raises_arrives_with_all_its_fields(world, submit):
    async def refuse(peer, request):
        raise Refused("wrong shape", code="wrong-shape", pointer="/inputs/0/shape", expected="[-1, 64]", got="[3]")

    peer = world.peer((await world.serve(refuse)).address)
    with pytest.raises(Refused) as refused:
        await peer.submit(submit())
    assert refused.value.fields() == {
        "code": "wrong-shape",
        "detail": "wrong shape",
        "pointer": "/inputs/0/shape",
        "expected": "[-1, 64]",
        "got": "[3]",
    }


@pytest.mark.parametrize(
    ("raised", "seen"),
    [
        (Unavailable("draining"), Unavailable),
        (DeadlineExceeded("late"), DeadlineExceeded),
        (TooLarge("big"), Refused),
    ],
)
async def test_kinds_of_errors_survive_the_wire(world, submit, raised, seen):
    async def fail(peer, request):
        raise raised

    peer = world.peer((await world.serve(fail)).address)
    with pytest.raises(seen) as error:
        await peer.submit(submit())
    assert error.value.code == raised.code


async def test_an_error_longer_than_a_message_may_be_is_cut_and_still_arrives(world, submit):
    async def fail(peer, request):
        raise Refused("x" * 10_000, pointer="/" + "y" * 10_000)

    peer = world.peer((await world.serve(fail)).address)
    with pytest.raises(Refused) as error:
        await peer.submit(submit())
    assert (len(error.value.detail), len(error.value.pointer)) == (4096, 256)


async def test_a_mistake_in_a_handler_fails_its_request_alone(world, submit, caplog):
    async def mistaken(peer, request):
        if request.request == bytes(16):
            raise ZeroDivisionError
        return Result(id=request.id, certificate=request.request)

    peer = world.peer((await world.serve(mistaken)).address)
    bad, good = await asyncio.gather(peer.submit(submit(0)), peer.submit(submit(1)), return_exceptions=True)
    assert isinstance(bad, Unavailable)
    assert bad.code == "internal"
    assert good == (1).to_bytes(16, "big")
    assert "ZeroDivisionError" in caplog.text


async def test_a_lost_connection_fails_what_was_under_way_and_the_next_request_connects_anew(world, submit):
    started = asyncio.Event()

    async def hang(peer, request):
        started.set()
        await asyncio.Event().wait()

    first = await world.serve(hang)
    peer = world.peer(first.address)
    waiting = [asyncio.create_task(peer.submit(submit(i))) for i in range(50)]
    await started.wait()
    await first.close()
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(outcome, Unavailable)
    again = await world.serve(port=int(first.address.split(":")[1]))
    assert again.address == first.address
    assert await peer.submit(submit(7)) == (7).to_bytes(16, "big")


async def test_those_who_wait_for_a_place_learn_of_the_end_too(world, submit):
    started = asyncio.Event()

    async def hang(peer, request):
        started.set()
        await asyncio.Event().wait()

    server = await world.serve(hang, limits=Limits(in_flight=2))
    peer = world.peer(server.address)
    waiting = [asyncio.create_task(peer.submit(submit(i))) for i in range(20)]
    await started.wait()
    await server.close()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Unavailable}


async def test_a_node_that_cannot_be_reached_refuses_its_callers_at_once_until_a_pause_is_over(world, submit):
    server = await world.serve()
    await server.close()
    peer = world.peer(server.address)
    outcomes = await asyncio.gather(*(peer.submit(submit(i)) for i in range(10)), return_exceptions=True)
    assert {(type(o), o.code) for o in outcomes} == {(Unavailable, "unreachable")}
    with pytest.raises(Unavailable, match="cannot connect"):
        await peer.submit(submit())


async def test_a_frozen_node_is_given_up_although_its_connection_stands(world, submit):
    async def frozen(peer, request):
        await asyncio.Event().wait()

    peer = world.peer((await world.serve(frozen)).address, beat=0.01)
    with pytest.raises(Unavailable, match="silent"):
        await peer.submit(submit())


async def test_a_slow_node_that_still_gives_signs_of_life_is_waited_for(world, submit, monkeypatch):
    monkeypatch.setattr("wire.connection.BEATS", 1000)  # a busy machine misses a few
    beats = 0
    enough = asyncio.Event()

    async def slow(peer, request):
        nonlocal beats
        if isinstance(request, Submit):
            await enough.wait()
            return Result(id=request.id, certificate=b"at last")
        beats += 1
        if beats == 10:
            enough.set()
        return Healthy(id=request.id, serving=True, detail="", in_flight=1, answered=0)

    peer = world.peer((await world.serve(slow)).address, beat=0.01)
    assert await peer.submit(submit()) == b"at last"


async def test_cancelling_the_caller_frees_nothing_twice(world, submit):
    arrived = asyncio.Event()

    async def hang_on_submit(peer, request):
        arrived.set()
        if isinstance(request, Submit):
            await asyncio.Event().wait()
        return Done(id=request.id)

    peer = world.peer((await world.serve(hang_on_submit, limits=Limits(in_flight=3))).address)
    for i in range(2):
        arrived.clear()
        task = asyncio.create_task(peer.submit(submit(i)))
        await arrived.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    # both places are still taken, for the node has not answered: the third waits
    with pytest.raises(DeadlineExceeded):
        await peer.cancel(bytes(16), in_seconds(0.1))


async def test_an_answer_of_another_kind_is_refused(world, submit):
    async def confused(peer, request):
        return Done(id=request.id)

    peer = world.peer((await world.serve(confused)).address)
    with pytest.raises(Refused, match="another kind"):
        await peer.submit(submit())


async def test_an_answer_to_nothing_ends_the_connection(world, submit):
    async def confused(peer, request):
        return Result(id=request.id + 1, certificate=b"")

    peer = world.peer((await world.serve(confused)).address)
    with pytest.raises(Unavailable, match="nothing that was asked"):
        await peer.submit(submit())


async def test_a_key_that_is_not_allowed_is_told_so(world, submit):
    peer = world.peer((await world.serve()).address, identity=PrivateKey.generate())
    with pytest.raises(Unavailable, match="does not know your key") as refused:
        await peer.submit(submit())
    assert refused.value.code == "unknown-key"


async def test_every_request_of_the_protocol_has_its_method(world):
    server = await world.serve()
    peer = world.peer(server.address)
    deadline = in_seconds(10)
    assert (await peer.health(deadline)).serving
    assert (await peer.capabilities(deadline)).software == "test"
    await peer.activate(bytes(32), deadline)
    await peer.unload(bytes(32), deadline, forget=True)
    await peer.cancel(bytes(16), deadline)
    await peer.drain(deadline)
