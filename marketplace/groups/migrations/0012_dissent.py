"""Members that lately answer otherwise than their group."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0004_former_keys"), ("groups", "0011_withheld")]
    operations = [
        migrations.CreateModel(
            name="Dissent",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("epoch", models.PositiveIntegerField()),
                ("rows", models.PositiveIntegerField()),
                ("dissented", models.PositiveIntegerField()),
                ("since", models.DateTimeField()),
                (
                    "member",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="dissent", to="groups.member"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalogue.modelversion",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("dissented__lte", models.F("rows"))), name="dissents_on_its_rows"
                    )
                ],
            },
        ),
    ]
