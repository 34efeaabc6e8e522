"""A change of model waits for its owner, who may withdraw it; it does not wait for ever."""

from django.db import migrations, models

STATES = [
    ("waiting", "Waiting"),
    ("adopted", "Adopted"),
    ("failed", "Failed"),
    ("withdrawn", "Withdrawn"),
    ("expired", "Expired"),
]


class Migration(migrations.Migration):
    dependencies = [("groups", "0003_member_told")]
    operations = [
        migrations.AddField(model_name="swap", name="last_told", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="swap", name="awaits_owner", field=models.BooleanField(default=False)),
        migrations.AlterField(
            model_name="swap",
            name="state",
            field=models.CharField(choices=STATES, default="waiting", max_length=10),
        ),
    ]
