"""Counts of groups by day, and alerts."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("groups", "0006_evidence"),
    ]

    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                (
                    "level",
                    models.CharField(
                        choices=[("marginal", "One failure from stopping"), ("stopped", "Stopped")], max_length=10
                    ),
                ),
                ("working", models.PositiveSmallIntegerField()),
                ("noticed", models.DateTimeField()),
                ("raised", models.DateTimeField(null=True)),
                ("cleared", models.DateTimeField(null=True)),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="alerts", to="groups.group"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("cleared__isnull", True)),
                        fields=("group",),
                        name="one_alert_at_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cleared__isnull", True), ("raised__isnull", False), _connector="OR"),
                        name="cleared_once_raised",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="GroupCounts",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("epoch", models.PositiveIntegerField()),
                ("day", models.DateField(null=True)),
                ("lane", models.PositiveSmallIntegerField()),
                ("requests", models.BigIntegerField()),
                ("rows", models.BigIntegerField()),
                (
                    "members",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
                (
                    "pairs",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="counts", to="groups.group"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "counts",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("group", "epoch", "day", "lane"), name="one_count_in_a_lane", nulls_distinct=False
                    )
                ],
            },
        ),
    ]
