"""How a node's owner shows that the node's key is theirs: the key signs the name of the organisation it joins.

Keys are public (every certificate carries one). Without this proof anybody could register another owner's node
under their own name, and have models sent to it.
"""

from __future__ import annotations

from assay import cbor
from assay.digest import Tag, digest
from assay.jsonform import base64url, from_base64url
from assay.keys import PrivateKey, PublicKey


def prove(key: PrivateKey, organisation: str) -> str:
    """The proof for the organisation with this slug: a signature of 64 bytes in unpadded base64url."""
    return base64url(key.sign(Tag.NODE_JOIN, _claim(organisation)))


def check(key: PublicKey, organisation: str, proof: str) -> None:
    """Returns if `proof` is `key`'s for this organisation. Raises Refused (not base64url) or NotVerified."""
    key.verify(Tag.NODE_JOIN, _claim(organisation), from_base64url(proof))


def _claim(organisation: str) -> bytes:
    return digest(Tag.NODE_JOIN, cbor.encode({"organisation": organisation}))
