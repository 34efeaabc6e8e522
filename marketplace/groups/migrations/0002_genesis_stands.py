"""What every member has signed never changes and never goes: PostgreSQL refuses, whoever asks.

That is the genesis with its signatures, the members' places with their nodes, and the rules of the group. Before
the last signature all of it may still be undone.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION group_genesis_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_group bigint;
BEGIN
    CASE TG_TABLE_NAME
        WHEN 'groups_group' THEN of_group := OLD.id;
        WHEN 'groups_consent' THEN
            SELECT group_id INTO of_group FROM groups_groupepoch WHERE id = OLD.epoch_id;
        ELSE of_group := OLD.group_id;
    END CASE;
    IF EXISTS (SELECT FROM groups_groupepoch WHERE group_id = of_group AND document IS NOT NULL) THEN
        RAISE EXCEPTION 'what a group''s members have signed is immutable: % of % refused', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE FUNCTION group_epoch_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.document IS NOT NULL OR (TG_OP = 'UPDATE' AND (OLD.id, OLD.group_id, OLD.number, OLD.configuration,
            OLD.digest) IS DISTINCT FROM (NEW.id, NEW.group_id, NEW.number, NEW.configuration, NEW.digest)) THEN
        RAISE EXCEPTION 'epochs of groups are immutable: % refused', TG_OP USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE TRIGGER group_epoch_is_immutable BEFORE UPDATE OR DELETE ON groups_groupepoch
    FOR EACH ROW EXECUTE FUNCTION group_epoch_is_immutable();
CREATE TRIGGER group_consent_stands BEFORE UPDATE OR DELETE ON groups_consent
    FOR EACH ROW EXECUTE FUNCTION group_genesis_stands();
CREATE TRIGGER group_place_stays BEFORE DELETE ON groups_member
    FOR EACH ROW EXECUTE FUNCTION group_genesis_stands();
CREATE TRIGGER group_place_stands BEFORE UPDATE ON groups_member FOR EACH ROW
    WHEN ((OLD.id, OLD.group_id, OLD.organisation_id, OLD.position, OLD.state, OLD.node_id) IS DISTINCT FROM
          (NEW.id, NEW.group_id, NEW.organisation_id, NEW.position, NEW.state, NEW.node_id))
    EXECUTE FUNCTION group_genesis_stands();
CREATE TRIGGER group_stays BEFORE DELETE ON groups_group
    FOR EACH ROW EXECUTE FUNCTION group_genesis_stands();
CREATE TRIGGER group_rules_stand BEFORE UPDATE ON groups_group FOR EACH ROW
    WHEN ((OLD.id, OLD.slug, OLD.size, OLD.interface, OLD.scale, OLD.aggregator, OLD.grace, OLD.horizon)
          IS DISTINCT FROM
          (NEW.id, NEW.slug, NEW.size, NEW.interface, NEW.scale, NEW.aggregator, NEW.grace, NEW.horizon))
    EXECUTE FUNCTION group_genesis_stands();
"""
DROP = """
DROP TRIGGER group_rules_stand ON groups_group;
DROP TRIGGER group_stays ON groups_group;
DROP TRIGGER group_place_stands ON groups_member;
DROP TRIGGER group_place_stays ON groups_member;
DROP TRIGGER group_consent_stands ON groups_consent;
DROP TRIGGER group_epoch_is_immutable ON groups_groupepoch;
DROP FUNCTION group_epoch_is_immutable();
DROP FUNCTION group_genesis_stands();
"""


class Migration(migrations.Migration):
    dependencies = [("groups", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
