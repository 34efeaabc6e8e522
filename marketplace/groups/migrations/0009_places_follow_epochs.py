"""Members' places and a group's rules change with an epoch that stands, and never otherwise: PostgreSQL refuses.

A place (with its node), a group's size, grace and horizon each name the epoch that they are of; they change only to
those of the newest epoch that stands. Who comes then has a row without a place before. What a group is asked and how it counts never changes.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION group_newest_epoch(of_group bigint) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT max(number) FROM groups_groupepoch WHERE group_id = of_group AND document IS NOT NULL
$$;
CREATE FUNCTION group_place_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    newest integer := group_newest_epoch(NEW.group_id);
BEGIN
    IF newest IS NULL OR (TG_OP = 'UPDATE' AND NEW.epoch = newest AND NEW.epoch > OLD.epoch AND
            (OLD.id, OLD.group_id, OLD.organisation_id) = (NEW.id, NEW.group_id, NEW.organisation_id)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'what a group''s members have signed is immutable: % of % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE FUNCTION group_rules_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    newest integer := group_newest_epoch(OLD.id);
BEGIN
    IF newest IS NULL OR (NEW.epoch = newest AND NEW.epoch > OLD.epoch AND
            (OLD.id, OLD.slug, OLD.interface, OLD.scale, OLD.aggregator) IS NOT DISTINCT FROM
            (NEW.id, NEW.slug, NEW.interface, NEW.scale, NEW.aggregator)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'what a group''s members have signed is immutable: % of % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

DROP TRIGGER group_place_stands ON groups_member;
DROP TRIGGER group_rules_stand ON groups_group;
CREATE TRIGGER group_place_follows BEFORE UPDATE ON groups_member FOR EACH ROW
    WHEN ((OLD.position IS NOT NULL OR NEW.position IS NOT NULL)
          AND (OLD.id, OLD.group_id, OLD.organisation_id, OLD.position, OLD.state, OLD.node_id, OLD.epoch)
          IS DISTINCT FROM
          (NEW.id, NEW.group_id, NEW.organisation_id, NEW.position, NEW.state, NEW.node_id, NEW.epoch))
    EXECUTE FUNCTION group_place_follows();
CREATE TRIGGER group_place_comes BEFORE INSERT ON groups_member FOR EACH ROW WHEN (NEW.position IS NOT NULL)
    EXECUTE FUNCTION group_place_follows();
CREATE TRIGGER group_rules_follow BEFORE UPDATE ON groups_group FOR EACH ROW
    WHEN ((OLD.id, OLD.slug, OLD.size, OLD.interface, OLD.scale, OLD.aggregator, OLD.grace, OLD.horizon, OLD.epoch)
          IS DISTINCT FROM
          (NEW.id, NEW.slug, NEW.size, NEW.interface, NEW.scale, NEW.aggregator, NEW.grace, NEW.horizon, NEW.epoch))
    EXECUTE FUNCTION group_rules_follow();
"""
DROP = """
DROP TRIGGER group_rules_follow ON groups_group;
DROP TRIGGER group_place_comes ON groups_member;
DROP TRIGGER group_place_follows ON groups_member;
CREATE TRIGGER group_place_stands BEFORE UPDATE ON groups_member FOR EACH ROW
    WHEN ((OLD.id, OLD.group_id, OLD.organisation_id, OLD.position, OLD.state, OLD.node_id) IS DISTINCT FROM
          (NEW.id, NEW.group_id, NEW.organisation_id, NEW.position, NEW.state, NEW.node_id))
    EXECUTE FUNCTION group_genesis_stands();
CREATE TRIGGER group_rules_stand BEFORE UPDATE ON groups_group FOR EACH ROW
    WHEN ((OLD.id, OLD.slug, OLD.size, OLD.interface, OLD.scale, OLD.aggregator, OLD.grace, OLD.horizon)
          IS DISTINCT FROM
          (NEW.id, NEW.slug, NEW.size, NEW.interface, NEW.scale, NEW.aggregator, NEW.grace, NEW.horizon))
    EXECUTE FUNCTION group_genesis_stands();
DROP FUNCTION group_rules_follow();
DROP FUNCTION group_place_follows();
DROP FUNCTION group_newest_epoch(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("groups", "0008_epochs")]
    operations = [migrations.RunSQL(CREATE, DROP)]
