"""SHA-256 with a domain tag, so that the digest of one kind of thing is never that of another.

`digest(tag, payload)` = SHA-256(tag ‖ 0x00 ‖ payload). Tags are ASCII without NUL, hence the prefix is
unambiguous. Where several parts are hashed together they are first put into one canonical CBOR value.
"""

from __future__ import annotations

import hashlib
from enum import Enum

SIZE = 32


class Tag(Enum):
    """Every domain of hashing and signing. Values are on disk and in certificates: never change one."""

    TENSOR = "assay/tensor/1"
    INPUT = "assay/input/1"
    MODEL = "assay/model/1"
    STATEMENT_DIRECT = "assay/direct/statement/1"
    BATCH_DIRECT = "assay/direct/batch/1"
    HANDSHAKE = "assay/handshake/1"
    KEY_ROTATION = "assay/key-rotation/1"
    NODE_JOIN = "assay/node-join/1"
    GROUP = "assay/agreement/group/1"
    GROUP_APPROVAL = "assay/agreement/group-approval/1"
    AGREEMENT_REQUEST = "assay/agreement/request/1"
    AGREEMENT_BATCH = "assay/agreement/batch/1"
    AGREEMENT_RESULT = "assay/agreement/result/1"
    AGREEMENT_SALT = "assay/agreement/salt/1"
    AGREEMENT_SEAL = "assay/agreement/seal/1"
    AGREEMENT_FIXED = "assay/agreement/fixed/1"
    AGREEMENT_EXEC = "assay/agreement/exec/1"
    AGREEMENT_HAVE = "assay/agreement/have/1"
    AGREEMENT_UPDATE = "assay/agreement/update/1"
    AGREEMENT_CONTENT = "assay/agreement/content/1"
    AGREEMENT_OUTCOME = "assay/agreement/outcome/1"
    AGREEMENT_ENTRY = "assay/agreement/entry/1"
    AGREEMENT_PREPARE = "assay/agreement/prepare/1"
    AGREEMENT_COMMIT = "assay/agreement/commit/1"
    AGREEMENT_VIEW_CHANGE = "assay/agreement/view-change/1"
    AGREEMENT_NEW_VIEW = "assay/agreement/new-view/1"

    @property
    def prefix(self) -> bytes:
        return _PREFIXES[self]


_PREFIXES = {tag: tag.value.encode("ascii") + b"\0" for tag in Tag}


def digest(tag: Tag, payload: bytes) -> bytes:
    """32 bytes."""
    return hashlib.sha256(tag.prefix + payload).digest()


def sha256(payload: bytes) -> bytes:
    """Plain SHA-256, for the things that are named by it: a file, a certificate."""
    return hashlib.sha256(payload).digest()
