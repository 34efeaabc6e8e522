"""How many members a member's node reaches."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("groups", "0004_swap_waits")]
    operations = [
        migrations.AddField(
            model_name="member", name="reached", field=models.PositiveSmallIntegerField(null=True)
        ),
    ]
