"""Evidence against members of groups, and strikes: both only grow; PostgreSQL refuses the rest, whoever asks."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


CREATE = """
CREATE FUNCTION group_evidence_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'evidence and strikes are append-only: % of % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER group_evidence_stands BEFORE UPDATE OR DELETE ON groups_evidence
    FOR EACH ROW EXECUTE FUNCTION group_evidence_stands();
CREATE TRIGGER group_strike_stands BEFORE UPDATE OR DELETE ON groups_strike
    FOR EACH ROW EXECUTE FUNCTION group_evidence_stands();
"""
DROP = """
DROP TRIGGER group_strike_stands ON groups_strike;
DROP TRIGGER group_evidence_stands ON groups_evidence;
DROP FUNCTION group_evidence_stands();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("groups", "0005_member_reached"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Evidence",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                ("document", models.BinaryField()),
                ("kind", models.CharField(max_length=40)),
                ("about", models.CharField(max_length=200)),
                ("sentence", models.CharField(max_length=1000)),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="evidence", to="groups.group"
                    ),
                ),
                (
                    "submitted_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "evidence",
            },
        ),
        migrations.CreateModel(
            name="Strike",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("about", models.CharField(max_length=200)),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "evidence",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="strikes", to="groups.evidence"
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="strikes", to="groups.member"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="evidence",
            index=models.Index(fields=["group", "-created"], name="evidence_of_group"),
        ),
        migrations.AddConstraint(
            model_name="strike",
            constraint=models.UniqueConstraint(fields=("member", "about"), name="one_strike_for_a_deed"),
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
