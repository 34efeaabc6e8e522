"""Mode `direct`, the issuing side: a provider signs what it answered, one signature for a batch.

Nothing is promised about the answer being right; the certificate says so in `CAVEATS`, word for word, and the
check in `assay.verify.direct` refuses any other words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from assay import merkle
from assay.certificate import FORMAT, DirectCertificate, DirectEvidence, Statement
from assay.digest import Tag
from assay.keys import PrivateKey
from assay.model import ModelReference
from assay.tensor import Tensor

ASSERTED_BY = "provider"
OUTCOME: Literal["answered"] = "answered"
CAVEATS = (
    "Only the provider's signature stands behind this answer: nobody else ran the model or checked the result.",
    "It is not shown that the named model, or any model, produced these outputs.",
    "The time is the provider's word.",
    "An answer that was given is not thereby a correct one.",
)


def statement(
    request: bytes,
    *,
    target: str,
    model: ModelReference,
    input_digest: bytes,
    outputs: Sequence[Tensor],
    time_ms: int,
) -> Statement:
    """What the provider will sign about one prediction.

    `request` is the prediction's UUID (16 bytes); `target` is `model:owner/name@version`; `input_digest` comes
    from `assay.model.input_digest`; `outputs` may come in any order; `time_ms` is milliseconds since 1970 UTC.
    Raises Refused where the outputs do not fit the model's interface.
    """
    return Statement(
        request=request,
        target=target,
        models=(model,),
        params={},
        input=input_digest,
        outputs=model.interface.accept_outputs(tuple(outputs)),
        outcome=OUTCOME,
        time=time_ms,
        asserted_by=ASSERTED_BY,
        caveats=CAVEATS,
    )


def issue(key: PrivateKey, statements: Sequence[Statement]) -> list[DirectCertificate]:
    """One certificate per statement, in order, under a single signature over (count, Merkle root).

    Raises Refused for an empty batch.
    """
    rows = merkle.levels([each.digest(Tag.STATEMENT_DIRECT) for each in statements])
    count = len(statements)
    signature = key.sign(Tag.BATCH_DIRECT, DirectEvidence.signed(count, rows[-1][0]))
    return [
        DirectCertificate(
            format=FORMAT,
            statement=each,
            evidence=DirectEvidence(
                provider=key.public.raw,
                index=index,
                count=count,
                path=merkle.path_in(rows, index),
                signature=signature,
            ),
        )
        for index, each in enumerate(statements)
    ]
