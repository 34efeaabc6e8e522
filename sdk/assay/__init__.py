"""What a buyer needs to use Assay and to check its answers, without trusting anyone who runs it.

The names below are loaded when first used, so `import assay` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.certificate import parse as parse
    from assay.client import AsyncClient as AsyncClient
    from assay.client import Client as Client
    from assay.client import Prediction as Prediction
    from assay.errors import AssayError as AssayError
    from assay.errors import DeadlineExceeded as DeadlineExceeded
    from assay.errors import NotVerified as NotVerified
    from assay.errors import PaymentRequired as PaymentRequired
    from assay.errors import Refused as Refused
    from assay.errors import TooLarge as TooLarge
    from assay.errors import Unavailable as Unavailable
    from assay.money import Balance as Balance
    from assay.money import Cost as Cost
    from assay.money import Money as Money
    from assay.money import Quote as Quote
    from assay.receipt import Receipt as Receipt
    from assay.tensor import Tensor as Tensor
    from assay.verify import Report as Report
    from assay.verify import Trust as Trust

_HOME = {
    "AssayError": "errors",
    "AsyncClient": "client",
    "Balance": "money",
    "Client": "client",
    "Cost": "money",
    "DeadlineExceeded": "errors",
    "Money": "money",
    "NotVerified": "errors",
    "PaymentRequired": "errors",
    "Prediction": "client",
    "Quote": "money",
    "Receipt": "receipt",
    "Refused": "errors",
    "Report": "verify",
    "Tensor": "tensor",
    "TooLarge": "errors",
    "Trust": "verify",
    "Unavailable": "errors",
    "parse": "certificate",
}
__all__ = [*_HOME]  # noqa: PLE0604  # the table is the list


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("assay")
    if name not in _HOME:
        raise AttributeError(f"module 'assay' has no attribute {name!r}")
    return getattr(import_module(f"assay.{_HOME[name]}"), name)
