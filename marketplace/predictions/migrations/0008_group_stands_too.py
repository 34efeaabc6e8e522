"""What was asked never changes: which group, too."""

from django.db import migrations

TRIGGER = """
DROP TRIGGER prediction_question_stands ON predictions_prediction;
CREATE TRIGGER prediction_question_stands
    BEFORE UPDATE OF id, organisation_id, version_id, {group}target, mode, params, rows, salt, deadline, created,
        certificate_id
    ON predictions_prediction FOR EACH ROW
    WHEN ((OLD.id, OLD.organisation_id, OLD.version_id, {old}OLD.target, OLD.mode, OLD.params, OLD.rows, OLD.salt,
           OLD.deadline, OLD.created) IS DISTINCT FROM
          (NEW.id, NEW.organisation_id, NEW.version_id, {new}NEW.target, NEW.mode, NEW.params, NEW.rows, NEW.salt,
           NEW.deadline, NEW.created)
          OR (OLD.certificate_id IS NOT NULL AND OLD.certificate_id IS DISTINCT FROM NEW.certificate_id))
    EXECUTE FUNCTION prediction_question_stands();
"""
CREATE = TRIGGER.format(group="group_id, ", old="OLD.group_id, ", new="NEW.group_id, ")
DROP = TRIGGER.format(group="", old="", new="")


class Migration(migrations.Migration):
    dependencies = [("predictions", "0007_asked_of_a_group")]
    operations = [migrations.RunSQL(CREATE, DROP)]
