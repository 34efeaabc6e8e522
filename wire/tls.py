"""TLS 1.3 for privacy and integrity alone; who the peers are is proved inside it (`wire.handshake`).

The server's certificate is made at its start, signed by itself, valid for nobody's name, and thrown away with
the process. The client checks no name and no issuer: it takes the certificate's SHA-256 as channel binding
(RFC 5929, tls-server-end-point) into the handshake that both sides sign. Whoever terminates TLS in the middle
has another certificate, hence another binding, and the signatures fail.
"""

from __future__ import annotations

import datetime as dt
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from assay.digest import sha256

LIFETIME = dt.timedelta(days=3650)  # nobody checks it; it outlives the process


@dataclass(frozen=True)
class ServerTls:
    """A context to serve with, and the binding that both sides sign."""

    context: ssl.SSLContext
    binding: bytes  # 32


def server() -> ServerTls:
    """A fresh certificate; its private key touches only a folder that nobody else reads, and only for a moment."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _self_signed(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0  # a resumed session would show no certificate to bind to
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder) / "tls.pem"
        pem.touch(mode=0o600)
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(pem)
    return ServerTls(context, sha256(certificate.public_bytes(serialization.Encoding.DER)))


def client() -> ssl.SSLContext:
    """A context that checks no certificate: the peer's identity is proved inside, bound to this channel."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def binding_seen(tls: ssl.SSLObject) -> bytes:
    """The channel binding as the connecting side sees it, 32 bytes."""
    certificate = tls.getpeercert(binary_form=True)
    assert certificate is not None, "a TLS 1.3 server without pre-shared key always shows its certificate"
    return sha256(certificate)


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "assay-node")])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + LIFETIME)
        .sign(key, hashes.SHA256())
    )
