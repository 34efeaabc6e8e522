"""Attacks on the handshake's logic, each with the messages an attacker would hold. No sockets."""

from __future__ import annotations

import msgspec
import pytest

from assay.digest import Tag
from assay.errors import NotVerified, Refused
from assay.keys import PrivateKey, PublicKey
from wire.handshake import Acceptor, Opener
from wire.messages import VERSION, Limits, Proof

CHANNEL, OTHER_CHANNEL = b"\1" * 32, b"\2" * 32
LIMITS = Limits()
NODE, MARKETPLACE, MALLORY = (PrivateKey(bytes([n]) * 32) for n in (1, 2, 3))

# every point of small order, and their encodings that are not canonical
SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


def opener(identity=MARKETPLACE, expected=NODE.public, binding=CHANNEL, limits=LIMITS) -> Opener:
    return Opener(identity, expected, binding, limits)


def acceptor(identity=NODE, allowed=(MARKETPLACE.public,), binding=CHANNEL, limits=LIMITS) -> Acceptor:
    return Acceptor(identity, frozenset(allowed).__contains__, binding, limits)


def test_two_honest_sides_agree_on_who_they_are_and_on_the_smaller_limits():
    client = opener(limits=Limits(frame=5000, in_flight=9))
    server = acceptor(limits=Limits(frame=8000, in_flight=3))
    proof, agreed = client.prove(server.welcome(client.hello))
    assert server.finish(proof) == (MARKETPLACE.public, agreed)
    assert agreed == Limits(frame=5000, in_flight=3)


def test_a_man_in_the_middle_who_terminates_tls_convinces_neither_side():
    client, server = opener(binding=CHANNEL), acceptor(binding=OTHER_CHANNEL)
    welcome = server.welcome(client.hello)  # relayed as it is
    with pytest.raises(NotVerified, match="signature does not verify"):
        client.prove(welcome)


def test_a_client_that_is_talked_into_proving_itself_on_another_channel_proves_nothing_there():
    # the client's own check is left out, as if it were broken: the server must refuse all the same
    client, server = opener(binding=CHANNEL), acceptor(binding=OTHER_CHANNEL)
    server.welcome(client.hello)
    proof, _ = client.prove(acceptor().welcome(client.hello))
    with pytest.raises(NotVerified):
        server.finish(proof)


def test_a_recorded_proof_is_worth_nothing_on_the_next_connection():
    client, server = opener(), acceptor()
    proof, _ = client.prove(server.welcome(client.hello))
    server.finish(proof)
    again = acceptor()
    again.welcome(client.hello)
    with pytest.raises(NotVerified):
        again.finish(proof)


def test_a_recorded_welcome_is_worth_nothing_to_the_next_client():
    first, second = opener(), opener()
    welcome = acceptor().welcome(first.hello)
    with pytest.raises(NotVerified):
        second.prove(welcome)


def test_a_client_is_not_convinced_by_its_own_words_reflected():
    client = opener(identity=NODE, expected=NODE.public)  # the owner's command speaks with the node's own key
    reflected = acceptor(identity=MALLORY).welcome(client.hello)
    reflected = msgspec.structs.replace(reflected, key=client.hello.key, nonce=client.hello.nonce)
    with pytest.raises(NotVerified):
        client.prove(reflected)


def test_a_signature_made_in_one_role_does_not_serve_in_the_other():
    client, server = opener(identity=NODE), acceptor(allowed=[NODE.public])
    welcome = server.welcome(client.hello)
    with pytest.raises(NotVerified):
        server.finish(Proof(signature=welcome.signature))
    proof, _ = client.prove(welcome)
    with pytest.raises(NotVerified):
        client.prove(msgspec.structs.replace(welcome, signature=proof.signature))


def test_another_node_at_the_address_is_refused_before_anything_is_proved_to_it():
    client = opener()
    with pytest.raises(NotVerified, match="another key") as refused:
        client.prove(acceptor(identity=MALLORY).welcome(client.hello))
    assert refused.value.expected == str(NODE.public)
    assert refused.value.got == str(MALLORY.public)


def test_whoever_claims_an_allowed_key_without_holding_it_is_refused():
    client = opener(identity=MALLORY)
    client.hello = msgspec.structs.replace(client.hello, key=MARKETPLACE.public.raw)
    server = acceptor()
    proof, _ = client.prove(server.welcome(client.hello))
    with pytest.raises(NotVerified):
        server.finish(proof)


def test_a_key_that_is_not_allowed_learns_so_only_after_proving_it():
    server = acceptor()
    client = opener(identity=MALLORY)
    welcome = server.welcome(client.hello)  # nothing is given away here
    with pytest.raises(Refused) as refused:
        server.finish(client.prove(welcome)[0])
    assert refused.value.code == "unknown-key"


@pytest.mark.parametrize("version", [0, VERSION - 1, VERSION + 1, 2**40])
def test_no_other_version_is_spoken_whoever_proposes_it(version):
    client = opener()
    with pytest.raises(Refused, match="another version"):
        acceptor().welcome(msgspec.structs.replace(client.hello, version=version))
    welcome = acceptor().welcome(client.hello)
    with pytest.raises(Refused, match="another version"):
        client.prove(msgspec.structs.replace(welcome, version=version))


def test_a_version_changed_on_the_way_breaks_the_signatures():
    client, server = opener(), acceptor()
    client.hello = msgspec.structs.replace(client.hello, version=VERSION + 1)  # what it really offered
    downgraded = msgspec.structs.replace(client.hello, version=VERSION)  # what the attacker made of it
    with pytest.raises(NotVerified):
        client.prove(server.welcome(downgraded))


@pytest.mark.parametrize(
    ("field", "value"),
    [("nonce", b"\7" * 32), ("limits", Limits(frame=4096)), ("signature", b"\7" * 64), ("signature", bytes(64))],
)
def test_every_field_of_the_welcome_is_bound(field, value):
    client = opener()
    welcome = acceptor().welcome(client.hello)
    with pytest.raises(NotVerified):
        client.prove(msgspec.structs.replace(welcome, **{field: value}))


@pytest.mark.parametrize(
    ("field", "value"), [("nonce", b"\7" * 32), ("limits", Limits(frame=4096)), ("key", MALLORY.public.raw)]
)
def test_every_field_of_the_hello_is_bound(field, value):
    client = opener()
    welcome = acceptor().welcome(msgspec.structs.replace(client.hello, **{field: value}))
    with pytest.raises(NotVerified):
        client.prove(welcome)


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_key_of_small_order_proves_nothing_even_where_it_is_allowed(point):
    key = bytes.fromhex(point)
    server = acceptor(allowed=[PublicKey(key)])
    hello = msgspec.structs.replace(opener().hello, key=key)
    server.welcome(hello)
    # with such a key R = identity and S = 0 satisfy the equation of a lax verifier for many messages
    for forged in (bytes([1]) + bytes(63), bytes(64), key + bytes(32)):
        with pytest.raises(NotVerified):
            server.finish(Proof(signature=forged))


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_node_with_a_key_of_small_order_convinces_nobody(point):
    key = bytes.fromhex(point)
    client = opener(expected=PublicKey(key))
    welcome = msgspec.structs.replace(acceptor().welcome(client.hello), key=key, signature=bytes([1]) + bytes(63))
    with pytest.raises(NotVerified):
        client.prove(welcome)


def test_a_handshake_signature_is_not_one_over_a_batch_of_answers():
    client = opener()
    server = acceptor()
    welcome = server.welcome(client.hello)
    said = server._said
    with pytest.raises(NotVerified):
        NODE.public.verify(Tag.BATCH_DIRECT, said.digest("acceptor"), welcome.signature)
    NODE.public.verify(Tag.HANDSHAKE, said.digest("acceptor"), welcome.signature)
