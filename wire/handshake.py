"""Who is at the other end: the handshake inside TLS, as pure logic; messages in, messages out, no I/O.

    opener → Hello{version, key, nonce, limits}
    acceptor → Welcome{version, key, nonce, limits, signature}      Failure where it refuses
    opener → Proof{signature}
    acceptor → Ready{}                                              Failure where the key is not allowed

Each signature is over the digest, under Tag.HANDSHAKE, of the canonical CBOR of everything both sides have said
and of the channel binding (`wire.tls`), together with the signer's role. So a signature is worth nothing on
another connection (nonces), through another TLS end (binding), in the other direction (role), or with other
limits or another version. The opener knows beforehand whose key it expects and proves nothing to anybody else;
the acceptor learns of keys, and says which it allows, only after the key's holder has signed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

from assay import cbor
from assay.digest import Tag, digest
from assay.errors import NotVerified, Refused
from assay.keys import PrivateKey, PublicKey
from wire.messages import VERSION, Hello, Limits, Proof, Welcome

NONCE = 32  # bytes


@dataclass(frozen=True)
class Transcript:
    """What both sides have said on one channel; equal on both sides or the signatures fail."""

    binding: bytes  # SHA-256 of the server's TLS certificate
    opener: Hello
    version: int  # of the acceptor
    key: bytes
    nonce: bytes
    limits: Limits

    def digest(self, role: Literal["opener", "acceptor"]) -> bytes:
        """32 bytes: what the side playing `role` signs."""
        content = {
            "role": role,
            "binding": self.binding,
            "opener": _said(self.opener.version, self.opener.key, self.opener.nonce, self.opener.limits),
            "acceptor": _said(self.version, self.key, self.nonce, self.limits),
        }
        return digest(Tag.HANDSHAKE, cbor.encode(content))

    @property
    def agreed(self) -> Limits:
        """The smaller of each limit."""
        return Limits(
            frame=min(self.opener.limits.frame, self.limits.frame),
            in_flight=min(self.opener.limits.in_flight, self.limits.in_flight),
        )


def _said(version: int, key: bytes, nonce: bytes, limits: Limits) -> cbor.Value:
    return {"version": version, "key": key, "nonce": nonce, "limits": msgspec.to_builtins(limits)}


class Opener:
    """The side that connects."""

    def __init__(self, identity: PrivateKey, expected: PublicKey, binding: bytes, limits: Limits) -> None:
        self._identity = identity
        self._expected = expected
        self._binding = binding
        self.hello = Hello(version=VERSION, key=identity.public.raw, nonce=os.urandom(NONCE), limits=limits)

    def prove(self, welcome: Welcome) -> tuple[Proof, Limits]:
        """Raises NotVerified unless the expected key's holder is at the end of this very channel."""
        _require_version(welcome.version)
        if welcome.key != self._expected.raw:
            raise NotVerified(
                "another key than the one expected",
                code="wrong-peer",
                expected=str(self._expected),
                got=str(PublicKey(welcome.key)),
            )
        said = Transcript(self._binding, self.hello, welcome.version, welcome.key, welcome.nonce, welcome.limits)
        self._expected.verify(Tag.HANDSHAKE, said.digest("acceptor"), welcome.signature)
        return Proof(signature=self._identity.sign(Tag.HANDSHAKE, said.digest("opener"))), said.agreed


class Acceptor:
    """The side that is connected to; `allowed` says of a key whether its holder may go on."""

    def __init__(
        self, identity: PrivateKey, allowed: Callable[[PublicKey], bool], binding: bytes, limits: Limits
    ) -> None:
        self._identity = identity
        self._allowed = allowed
        self._binding = binding
        self._limits = limits
        self._said: Transcript | None = None

    def welcome(self, hello: Hello) -> Welcome:
        """Raises Refused where the versions differ: there is one, and no way to talk a peer into an older."""
        _require_version(hello.version)
        said = Transcript(
            self._binding, hello, VERSION, self._identity.public.raw, os.urandom(NONCE), self._limits
        )
        self._said = said
        return Welcome(
            version=said.version,
            key=said.key,
            nonce=said.nonce,
            limits=said.limits,
            signature=self._identity.sign(Tag.HANDSHAKE, said.digest("acceptor")),
        )

    def finish(self, proof: Proof) -> tuple[PublicKey, Limits]:
        """The peer, known and allowed. Raises NotVerified (no proof of the key) or Refused (not allowed)."""
        assert self._said is not None, "finish follows welcome"
        peer = PublicKey(self._said.opener.key)
        peer.verify(Tag.HANDSHAKE, self._said.digest("opener"), proof.signature)
        if not self._allowed(peer):
            raise Refused(
                "this node does not know your key",
                code="unknown-key",
                expected="an allowed key",
                got=str(peer),
                hint="The node's owner adds it to `marketplace.keys` in node.toml and restarts the node.",
            )
        return peer, self._said.agreed


def _require_version(version: int) -> None:
    if version != VERSION:
        raise Refused(
            "another version of the protocol",
            code="wrong-version",
            expected=str(VERSION),
            got=str(version),
            hint="Update the older side.",
        )
