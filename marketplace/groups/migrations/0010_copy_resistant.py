"""Groups whose members commit to their answers before any is shown: chosen at founding, fixed with the genesis."""

from django.db import migrations, models

CREATE = """
CREATE TRIGGER group_copying_stands BEFORE UPDATE ON groups_group FOR EACH ROW
    WHEN (OLD.copy_resistant IS DISTINCT FROM NEW.copy_resistant) EXECUTE FUNCTION group_genesis_stands();
"""
DROP = "DROP TRIGGER group_copying_stands ON groups_group"


class Migration(migrations.Migration):
    dependencies = [("groups", "0009_places_follow_epochs")]
    operations = [
        migrations.AddField(
            model_name="group",
            name="copy_resistant",
            field=models.BooleanField(default=False),
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
