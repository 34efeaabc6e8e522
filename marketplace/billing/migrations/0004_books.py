"""What the books need of PostgreSQL: an adjustment is decided once and is never another; and whoever closes a period
sees to it that nothing is in flight, which takes more than the right to write.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION adjustment_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an adjustment is decided once: % refused', TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Propose another.';
END $$;
CREATE TRIGGER adjustment_stays BEFORE DELETE ON billing_adjustment
    FOR EACH ROW EXECUTE FUNCTION adjustment_stands();
CREATE TRIGGER adjustment_is_decided_once BEFORE UPDATE ON billing_adjustment FOR EACH ROW
    WHEN (OLD.state <> 'proposed' OR NEW.state = 'proposed' OR
          (to_jsonb(OLD) - ARRAY['state', 'decided_by_id', 'decided', 'transaction_id']) IS DISTINCT FROM
          (to_jsonb(NEW) - ARRAY['state', 'decided_by_id', 'decided', 'transaction_id']))
    EXECUTE FUNCTION adjustment_stands();

-- until the caller's transaction ends: waits for whoever is posting, and has others wait
CREATE FUNCTION ledger_rests() RETURNS void LANGUAGE sql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
    LOCK TABLE billing_transaction IN SHARE ROW EXCLUSIVE MODE
$$;
"""
DROP = """
DROP FUNCTION ledger_rests();
DROP TRIGGER adjustment_is_decided_once ON billing_adjustment;
DROP TRIGGER adjustment_stays ON billing_adjustment;
DROP FUNCTION adjustment_stands();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_quote_rows")]
    operations = [migrations.RunSQL(CREATE, DROP)]
