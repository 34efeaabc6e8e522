"""A quote says for how many rows, wanted within how many seconds, its total was told."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_guards")]
    operations = [
        migrations.AddField("quote", "rows", models.PositiveIntegerField(default=1), preserve_default=False),
        migrations.AddField("quote", "seconds", models.FloatField(default=30.0), preserve_default=False),
    ]
