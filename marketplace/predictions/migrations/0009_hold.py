"""What is set aside for a prediction; it stands like the question."""

import django.db.models.deletion
from django.db import migrations, models


TRIGGER = """
DROP TRIGGER prediction_question_stands ON predictions_prediction;
CREATE TRIGGER prediction_question_stands
    BEFORE UPDATE OF id, organisation_id, version_id, group_id, {hold}target, mode, params, rows, salt, deadline,
        created, certificate_id
    ON predictions_prediction FOR EACH ROW
    WHEN ((OLD.id, OLD.organisation_id, OLD.version_id, OLD.group_id, {old}OLD.target, OLD.mode, OLD.params,
           OLD.rows, OLD.salt, OLD.deadline, OLD.created) IS DISTINCT FROM
          (NEW.id, NEW.organisation_id, NEW.version_id, NEW.group_id, {new}NEW.target, NEW.mode, NEW.params,
           NEW.rows, NEW.salt, NEW.deadline, NEW.created)
          OR (OLD.certificate_id IS NOT NULL AND OLD.certificate_id IS DISTINCT FROM NEW.certificate_id))
    EXECUTE FUNCTION prediction_question_stands();
"""
CREATE = TRIGGER.format(hold="hold_id, ", old="OLD.hold_id, ", new="NEW.hold_id, ")
DROP = TRIGGER.format(hold="", old="", new="")


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0002_guards"),
        ("predictions", "0008_group_stands_too"),
    ]

    operations = [
        migrations.AddField(
            model_name="prediction",
            name="hold",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="prediction",
                to="billing.hold",
            ),
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
