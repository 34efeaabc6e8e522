"""What no code path may do: unbalance the ledger, rewrite it, overdraw an account, end a hold twice.

The rules are numbered as in docs/money.md.
"""

from django.db import migrations

# --- 2: what is written stands ----------------------------------------------------------------------------------

STANDS = """
CREATE FUNCTION ledger_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger only grows: % of % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', HINT = 'Post a reversal.';
END $$;
"""
FOR_EVER = ("account", "transaction", "entry", "hold", "holdend", "period")
STANDS_TRIGGER = """
CREATE TRIGGER {0}_stands BEFORE UPDATE OR DELETE ON billing_{0}
    FOR EACH ROW EXECUTE FUNCTION ledger_stands();
"""

# --- 1: a transaction balances, and is written in one go --------------------------------------------------------

# A transaction takes its entries from one statement: once it is judged, be it at commit or as soon as somebody asks
# for that (SET CONSTRAINTS), it has them all. So to judge it once is enough.
BALANCED = """
CREATE FUNCTION ledger_transaction_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.day <= (SELECT max(last_day) FROM billing_period) THEN
        RAISE EXCEPTION 'the period up to % is closed', (SELECT max(last_day) FROM billing_period)
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER transaction_begins BEFORE INSERT ON billing_transaction
    FOR EACH ROW EXECUTE FUNCTION ledger_transaction_begins();

CREATE FUNCTION ledger_balances(which uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    entries bigint;
    off text;
BEGIN
    SELECT sum(counted), string_agg(moved || ' micro ' || currency, ', ') FILTER (WHERE moved <> 0)
        INTO entries, off
        FROM (SELECT account.currency, count(*) AS counted, sum(entry.amount) AS moved
              FROM billing_entry AS entry JOIN billing_account AS account ON account.id = entry.account_id
              WHERE entry.transaction_id = which GROUP BY account.currency) AS by_currency;
    IF off IS NOT NULL THEN
        RAISE EXCEPTION 'transaction % does not balance: it is off by %', which, off
            USING ERRCODE = 'check_violation';
    END IF;
    IF coalesce(entries, 0) < 2 THEN
        RAISE EXCEPTION 'transaction % has % entries: it takes two', which, coalesce(entries, 0)
            USING ERRCODE = 'check_violation';
    END IF;
END $$;
"""

# --- 5: what is held is the sum of the holds that are open ------------------------------------------------------

HELD = """
CREATE FUNCTION ledger_holds(which uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT account, sum(moved) AS moved, sum(meant) AS meant INTO wrong
    FROM (
        SELECT entry.account_id AS account, entry.amount AS moved, 0 AS meant
        FROM billing_entry AS entry JOIN billing_account AS account ON account.id = entry.account_id
        WHERE entry.transaction_id = which AND account.kind IN ('held', 'locked')
        UNION ALL
        SELECT account_id, 0, amount FROM billing_hold WHERE transaction_id = which
        UNION ALL
        SELECT hold.account_id, 0, -hold.amount
        FROM billing_holdend AS ended JOIN billing_hold AS hold ON hold.id = ended.hold_id
        WHERE ended.transaction_id = which
    ) AS together
    GROUP BY account HAVING sum(moved) <> sum(meant) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'transaction % moves % on account %, its holds %',
            which, wrong.moved, wrong.account, wrong.meant USING ERRCODE = 'check_violation';
    END IF;
END $$;

CREATE FUNCTION ledger_transaction_is_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ledger_balances(NEW.id);
    PERFORM ledger_holds(NEW.id);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER transaction_is_whole AFTER INSERT ON billing_transaction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_transaction_is_whole();

CREATE FUNCTION ledger_hold_is_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ledger_holds(NEW.transaction_id);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER hold_is_moved AFTER INSERT ON billing_hold
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_hold_is_moved();
CREATE CONSTRAINT TRIGGER holdend_is_moved AFTER INSERT ON billing_holdend
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_hold_is_moved();

CREATE FUNCTION ledger_hold_is_of_its_kind() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM billing_account WHERE id = NEW.account_id AND organisation_id = NEW.organisation_id
        AND kind = CASE WHEN NEW.member_id IS NULL THEN 'held' ELSE 'locked' END;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a hold is on its organisation''s own account for holds'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER hold_is_of_its_kind BEFORE INSERT ON billing_hold
    FOR EACH ROW EXECUTE FUNCTION ledger_hold_is_of_its_kind();
"""

# --- 4: balances ------------------------------------------------------------------------------------------------

# With the rights of whoever owns the tables: the marketplace's own role may read balances and no more. All rows are
# locked in one order, so that two transactions cannot lock each other out.
BALANCES = """
CREATE FUNCTION ledger_account_opens() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO billing_balance (account_id, amount, overdraws)
        VALUES (NEW.id, 0, NEW.kind IN ('granted', 'adjusted'));
    RETURN NULL;
END $$;
CREATE TRIGGER account_opens AFTER INSERT ON billing_account
    FOR EACH ROW EXECUTE FUNCTION ledger_account_opens();

CREATE FUNCTION ledger_entries_count() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF (SELECT count(*) FROM billing_entry
        WHERE transaction_id = ANY (ARRAY(SELECT DISTINCT transaction_id FROM written))) <>
       (SELECT count(*) FROM written) THEN
        RAISE EXCEPTION 'the ledger only grows: a transaction takes no entries once it is written'
            USING ERRCODE = 'restrict_violation', HINT = 'Post a reversal.';
    END IF;
    PERFORM FROM billing_balance WHERE account_id IN (SELECT account_id FROM written)
        ORDER BY account_id FOR NO KEY UPDATE;
    UPDATE billing_balance AS balance SET amount = balance.amount + moved.amount
        FROM (SELECT account_id, sum(amount) AS amount FROM written GROUP BY account_id) AS moved
        WHERE balance.account_id = moved.account_id AND moved.amount <> 0;
    RETURN NULL;
END $$;
-- whoever may read a balance may also hold it still, which takes more than the right to read
CREATE FUNCTION ledger_locked(which bigint) RETURNS bigint LANGUAGE sql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT amount FROM billing_balance WHERE account_id = which FOR NO KEY UPDATE
$$;

-- a second lock on the same door: whoever else would write a balance is refused even as the tables' owner
CREATE TRIGGER balance_follows BEFORE INSERT OR UPDATE OR DELETE ON billing_balance
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger_stands();

CREATE TRIGGER entries_count AFTER INSERT ON billing_entry REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_count();

-- a balance changes with every prediction: leave room for that on the same page
ALTER TABLE billing_balance SET (fillfactor = 50);
ALTER TABLE billing_spending SET (fillfactor = 50);
"""

# --- prices begin and end, and are never another ----------------------------------------------------------------

PRICES = """
CREATE FUNCTION price_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a price only ends: % refused', TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Set another price.';
END $$;
CREATE TRIGGER price_only_ends BEFORE UPDATE ON billing_price FOR EACH ROW
    WHEN (OLD.until IS NOT NULL OR (to_jsonb(OLD) - 'until') IS DISTINCT FROM (to_jsonb(NEW) - 'until'))
    EXECUTE FUNCTION price_stands();
"""

CREATE = "".join((STANDS, *(STANDS_TRIGGER.format(each) for each in FOR_EVER), BALANCED, HELD, BALANCES, PRICES))


FUNCTIONS = (
    *("ledger_stands()", "ledger_transaction_begins()", "ledger_transaction_is_whole()", "ledger_balances(uuid)"),
    *("ledger_hold_is_moved()", "ledger_hold_is_of_its_kind()", "ledger_holds(uuid)"),
    *("ledger_account_opens()", "ledger_locked(bigint)", "ledger_entries_count()", "price_stands()"),
)
DROP = "".join(f"DROP FUNCTION {each} CASCADE;" for each in FUNCTIONS)


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
