"""Money: the ledger, prices and quotes, holds and how they end, stakes, caps, the books. See docs/money.md."""
