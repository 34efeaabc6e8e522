"""The tables: the ledger (`ledger`), prices (`selling`), what is set aside (`holding`), the books (`finance`).

What these rows may and may not do is held by PostgreSQL (migration 0002); the rules stand in docs/money.md.
"""

from marketplace.billing.models.finance import Adjustment, Period
from marketplace.billing.models.holding import Cap, CapAlert, Hold, HoldEnd, Leaving, Spending
from marketplace.billing.models.ledger import Account, Balance, Entry, Transaction
from marketplace.billing.models.selling import FreeTaken, FreeUse, Price, Quote

__all__ = [
    "Account",
    "Adjustment",
    "Balance",
    "Cap",
    "CapAlert",
    "Entry",
    "FreeTaken",
    "FreeUse",
    "Hold",
    "HoldEnd",
    "Leaving",
    "Period",
    "Price",
    "Quote",
    "Spending",
    "Transaction",
]
