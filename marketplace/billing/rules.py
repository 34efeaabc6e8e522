"""What must hold in the ledger, as questions to PostgreSQL: how many there are to look at, and which are wrong.

`broken` gives one text for each that breaks the rule, with its id. Parameters: the ends that there are
(verification.ends), as `names`, `statuses`, `moneys`.
"""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    says: str
    counted: str
    broken: str


_TRANSACTIONS = "SELECT count(*) FROM billing_transaction"
_ACCOUNTS = "SELECT count(*) FROM billing_account"
_HOLDS = "SELECT count(*) FROM billing_hold"
_ENDS = "SELECT count(*) FROM billing_holdend"
_PREDICTIONS = "SELECT count(*) FROM predictions_prediction WHERE hold_id IS NOT NULL"
_ADJUSTMENTS = "SELECT count(*) FROM billing_adjustment WHERE state = 'approved'"

_BALANCED = """
SELECT 'transaction ' || entry.transaction_id || ' is off by ' || sum(entry.amount) || ' micro '
    || account.currency
FROM billing_entry AS entry JOIN billing_account AS account ON account.id = entry.account_id
GROUP BY entry.transaction_id, account.currency HAVING sum(entry.amount) <> 0
"""
_TWO_ENTRIES = """
SELECT 'transaction ' || posting.id || ' has ' || count(entry.id)
FROM billing_transaction AS posting LEFT JOIN billing_entry AS entry ON entry.transaction_id = posting.id
GROUP BY posting.id HAVING count(entry.id) < 2
"""
_BALANCES = """
SELECT 'account ' || account.id || ' says ' || coalesce(balance.amount::text, 'nothing') || ', its entries '
    || coalesce(moved.amount, 0)
FROM billing_account AS account LEFT JOIN billing_balance AS balance ON balance.account_id = account.id
LEFT JOIN (SELECT account_id, sum(amount) AS amount FROM billing_entry GROUP BY account_id) AS moved
    ON moved.account_id = account.id
WHERE balance.amount IS DISTINCT FROM coalesce(moved.amount, 0)
    OR balance.overdraws IS DISTINCT FROM (account.kind IN ('granted', 'adjusted'))
"""
_OVERDRAWN = """
SELECT 'account ' || account.id || ' (' || account.kind || ') has ' || sum(entry.amount)
FROM billing_account AS account JOIN billing_entry AS entry ON entry.account_id = account.id
WHERE account.kind NOT IN ('granted', 'adjusted')
GROUP BY account.id HAVING sum(entry.amount) < 0
"""
_HELD = """
SELECT 'account ' || account.id || ' (' || account.kind || ') has ' || coalesce(moved.amount, 0) || ', its holds '
    || coalesce(standing.amount, 0)
FROM billing_account AS account
LEFT JOIN (SELECT account_id, sum(amount) AS amount FROM billing_entry GROUP BY account_id) AS moved
    ON moved.account_id = account.id
LEFT JOIN (
    SELECT hold.account_id, sum(hold.amount) AS amount FROM billing_hold AS hold
    WHERE NOT EXISTS (SELECT FROM billing_holdend AS ended WHERE ended.hold_id = hold.id) GROUP BY hold.account_id
) AS standing ON standing.account_id = account.id
WHERE account.kind IN ('held', 'locked') AND coalesce(moved.amount, 0) <> coalesce(standing.amount, 0)
"""
# as the trigger of migration 0002 judges it, for all
_MOVED = """
SELECT 'transaction ' || posting || ' moves ' || sum(moved) || ' on account ' || account || ', its holds '
    || sum(meant)
FROM (
    SELECT entry.transaction_id AS posting, entry.account_id AS account, entry.amount AS moved, 0 AS meant
    FROM billing_entry AS entry JOIN billing_account AS account ON account.id = entry.account_id
    WHERE account.kind IN ('held', 'locked')
    UNION ALL
    SELECT transaction_id, account_id, 0, amount FROM billing_hold
    UNION ALL
    SELECT ended.transaction_id, hold.account_id, 0, -hold.amount
    FROM billing_holdend AS ended JOIN billing_hold AS hold ON hold.id = ended.hold_id
) AS together
GROUP BY posting, account HAVING sum(moved) <> sum(meant)
"""
# what is posted goes to those who are paid, or to the slashed; the rest back to where its owner had it from
_POSTED = """
SELECT 'hold ' || hold.id || ' ended with ' || ended.posted || ' posted: ' || sums.paid || ' paid, ' || sums.back
    || ' returned'
FROM billing_holdend AS ended JOIN billing_hold AS hold ON hold.id = ended.hold_id,
LATERAL (
    SELECT coalesce(sum(entry.amount) FILTER (
            WHERE account.kind IN ('earned', 'fees', 'verification', 'slashed')), 0) AS paid,
        coalesce(sum(entry.amount) FILTER (WHERE account.organisation_id = hold.organisation_id
            AND account.kind IN ('credit', 'free', 'staked')), 0) AS back,
        coalesce(sum(entry.amount) FILTER (WHERE account.kind = 'free'), 0) AS free
    FROM billing_entry AS entry JOIN billing_account AS account ON account.id = entry.account_id
    WHERE entry.transaction_id = ended.transaction_id
) AS sums
WHERE sums.paid <> ended.posted OR sums.back <> hold.amount - ended.posted
    OR sums.free <> hold.free - least(hold.free, ended.posted)
"""
_ENDED_AS = """
SELECT 'hold ' || hold.id || ' ended as ' || ended.ending || ' with ' || ended.posted || ' posted'
FROM billing_holdend AS ended JOIN billing_hold AS hold ON hold.id = ended.hold_id
LEFT JOIN unnest(%(names)s::text[], %(statuses)s::text[], %(moneys)s::text[]) AS known(name, status, money)
    ON hold.member_id IS NULL AND known.name = ended.ending
WHERE CASE WHEN hold.member_id IS NULL
    THEN known.name IS NULL OR known.money = 'reversed' OR (known.money = 'returned' AND ended.posted <> 0)
    ELSE (ended.ending, ended.posted) NOT IN (('slashed', hold.amount), ('unlocked', 0)) END
"""
_PREDICTED = """
SELECT 'prediction ' || prediction.id || ' is ' || prediction.status || ', its hold ' || prediction.hold_id
    || CASE WHEN ended.hold_id IS NULL THEN ' open' ELSE ' ended as ' || ended.ending END
FROM predictions_prediction AS prediction LEFT JOIN billing_holdend AS ended ON ended.hold_id = prediction.hold_id
LEFT JOIN unnest(%(names)s::text[], %(statuses)s::text[]) AS known(name, status) ON known.name = ended.ending
WHERE prediction.hold_id IS NOT NULL AND (
    (prediction.completed IS NULL) <> (ended.hold_id IS NULL)
    OR ended.hold_id IS NOT NULL AND known.status IS DISTINCT FROM prediction.status)
"""
_OF_SOMETHING = """
SELECT 'hold ' || hold.id || ' is for no prediction of its buyer' FROM billing_hold AS hold
LEFT JOIN predictions_prediction AS prediction ON prediction.hold_id = hold.id
WHERE hold.member_id IS NULL AND prediction.organisation_id IS DISTINCT FROM hold.organisation_id
"""
_MIRRORED = """
SELECT 'transaction ' || back.id || ' does not mirror ' || back.reverses_id
FROM billing_transaction AS back
LEFT JOIN billing_holdend AS ended ON ended.transaction_id = back.reverses_id
LEFT JOIN billing_hold AS hold ON hold.id = ended.hold_id
WHERE back.reverses_id IS NOT NULL AND (
    hold.id IS NULL
    OR EXISTS (
        SELECT FROM billing_entry AS entry JOIN billing_account AS account ON account.id = entry.account_id
        WHERE entry.transaction_id IN (back.id, back.reverses_id)
            AND account.kind IN ('earned', 'fees', 'verification')
        GROUP BY entry.account_id HAVING sum(entry.amount) <> 0)
    OR ended.posted IS DISTINCT FROM (
        SELECT sum(entry.amount)
        FROM billing_entry AS entry JOIN billing_account AS account ON account.id = entry.account_id
        WHERE entry.transaction_id = back.id AND account.organisation_id = hold.organisation_id
            AND account.kind IN ('credit', 'free')))
"""
_SPENDING = """
SELECT 'organisation ' || organisation || coalesce(', key ' || key, '') || ' in ' || to_char(month, 'YYYY-MM')
    || ' says ' || sum(said) || ', its holds ' || sum(spent)
FROM (
    SELECT organisation_id AS organisation, api_key_id AS key, month, amount AS said, 0 AS spent
    FROM billing_spending
    UNION ALL
    SELECT hold.organisation_id, counted.key, hold.month, 0,
        CASE WHEN back.id IS NOT NULL THEN 0 ELSE coalesce(ended.posted, hold.amount) END
    FROM billing_hold AS hold LEFT JOIN billing_holdend AS ended ON ended.hold_id = hold.id
    LEFT JOIN billing_transaction AS back ON back.reverses_id = ended.transaction_id,
        unnest(ARRAY[NULL, hold.api_key_id]) WITH ORDINALITY AS counted(key, nth)
    WHERE hold.member_id IS NULL AND (nth = 1 OR hold.api_key_id IS NOT NULL)
) AS together
GROUP BY organisation, key, month HAVING sum(said) <> sum(spent)
"""
# `maturing` rests on the order: it does not look for a lot from before the newest that has matured
_LOTS = """
SELECT 'organisation ' || organisation_id || ' of ' || coalesce(available::text, 'no day') || ': '
    || owed || ' left after ' || matured
    || CASE WHEN available < newest THEN ', and later ones matured' ELSE '' END
FROM (
    SELECT *, max(available) FILTER (WHERE matured > 0) OVER (PARTITION BY organisation_id, currency) AS newest
    FROM (
        SELECT account.organisation_id, account.currency, posting.available, sum(entry.amount) AS owed,
            count(DISTINCT posting.id) FILTER (WHERE posting.kind = 'matured') AS matured
        FROM billing_entry AS entry JOIN billing_account AS account ON account.id = entry.account_id
        JOIN billing_transaction AS posting ON posting.id = entry.transaction_id
        WHERE account.kind = 'earned' GROUP BY account.organisation_id, account.currency, posting.available
    ) AS summed
) AS lot
WHERE available IS NULL OR owed < 0 OR matured > 1 OR (matured > 0 OR available < newest) AND owed <> 0
"""
_ADJUSTED = """
SELECT 'adjustment ' || adjustment.id || ' is not what its transaction moves, or was approved by who proposed it'
FROM billing_adjustment AS adjustment
WHERE adjustment.state = 'approved' AND (
    adjustment.decided_by_id = adjustment.proposed_by_id
    OR (SELECT array_agg((entry.account_id, entry.amount)::text ORDER BY entry.account_id)
        FROM billing_entry AS entry WHERE entry.transaction_id = adjustment.transaction_id)
    IS DISTINCT FROM (SELECT array_agg((meant.account, meant.amount)::text ORDER BY meant.account)
        FROM (VALUES (adjustment.account_id, adjustment.amount), (adjustment.against_id, -adjustment.amount))
        AS meant(account, amount)))
UNION ALL
SELECT 'transaction ' || posting.id || ' adjusts without an adjustment' FROM billing_transaction AS posting
LEFT JOIN billing_adjustment AS adjustment ON adjustment.transaction_id = posting.id
WHERE posting.kind = 'adjusted' AND adjustment.id IS NULL
"""
_GUARDS = "FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'billing\\_%%'"
_GUARDED = (
    f"SELECT tgname || ' of ' || tgrelid::regclass || ' is switched off' {_GUARDS} AND tgenabled IN ('D', 'R')"
)

RULES = (
    Rule("transactions add up to zero in each currency", _TRANSACTIONS, _BALANCED),
    Rule("transactions have two entries or more", _TRANSACTIONS, _TWO_ENTRIES),
    Rule("balances are the sums of their entries", _ACCOUNTS, _BALANCES),
    Rule("accounts that may not are not below zero", _ACCOUNTS, _OVERDRAWN),
    Rule("accounts of held and locked money have the sum of the holds that are open", _ACCOUNTS, _HELD),
    Rule("holds come and go whole, and nothing else moves where they are", _HOLDS, _MOVED),
    Rule("ends of holds pay out what they post and return the rest, credit first", _ENDS, _POSTED),
    Rule("ends of holds are ends that there are, and do what those do", _ENDS, _ENDED_AS),
    Rule("predictions have ended exactly when their holds have, and alike", _PREDICTIONS, _PREDICTED),
    Rule("holds are for a prediction of who pays, or for a place in a group", _HOLDS, _OF_SOMETHING),
    Rule("reversals mirror what they reverse", f"{_TRANSACTIONS} WHERE reverses_id IS NOT NULL", _MIRRORED),
    Rule(
        "spending by month and key is what the holds come to", "SELECT count(*) FROM billing_spending", _SPENDING
    ),
    Rule(
        "earnings became available once, by day and earner, whole, in the order of days",
        f"{_TRANSACTIONS} WHERE kind = 'matured'",
        _LOTS,
    ),
    Rule("adjustments moved what was approved, by a second person", _ADJUSTMENTS, _ADJUSTED),
    Rule("guards of the ledger are switched on", f"SELECT count(*) {_GUARDS}", _GUARDED),
)
