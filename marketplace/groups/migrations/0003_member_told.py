"""Where each member's node knows the others to be."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("groups", "0002_genesis_stands")]
    operations = [
        migrations.AddField(model_name="member", name="told", field=models.JSONField(default=list)),
    ]
