"""Later epochs: proposals with their signatures, and members that come and go."""

import django.contrib.postgres.fields
import django.db.models.constraints
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_audit_stands"),
        ("catalogue", "0004_former_keys"),
        ("groups", "0007_statistics_and_alerts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Proposal",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("number", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("inviting", "Waiting for new members"),
                            ("signing", "Waiting for signatures"),
                            ("ordering", "Being ordered"),
                            ("in-force", "In force"),
                            ("withdrawn", "Withdrawn"),
                            ("expired", "Expired"),
                            ("overtaken", "Another came first"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "joining",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60), default=list, size=None
                    ),
                ),
                (
                    "leaving",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60), default=list, size=None
                    ),
                ),
                ("grace", models.PositiveIntegerField()),
                ("horizon", models.PositiveIntegerField()),
                ("configuration", models.BinaryField(null=True)),
                ("digest", models.BinaryField(max_length=32, null=True)),
                ("detail", models.CharField(blank=True, max_length=300)),
                ("last_told", models.DateTimeField(null=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("completed", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ProposalSignature",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("key", models.BinaryField(max_length=32)),
                ("signature", models.BinaryField(max_length=64)),
                ("created", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="member",
            name="one_member_per_place",
        ),
        migrations.RemoveConstraint(
            model_name="member",
            name="place_in_group",
        ),
        migrations.RemoveConstraint(
            model_name="member",
            name="accepted_with_a_model",
        ),
        migrations.AddField(
            model_name="group",
            name="epoch",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="member",
            name="epoch",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="member",
            name="told_epoch",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="member",
            name="state",
            field=models.CharField(
                choices=[
                    ("invited", "Invited"),
                    ("accepted", "Accepted"),
                    ("declined", "Declined"),
                    ("asked", "Asked to join"),
                    ("joining", "Comes with the next epoch"),
                    ("left", "Has left"),
                ],
                default="invited",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="member",
            constraint=models.UniqueConstraint(
                deferrable=django.db.models.constraints.Deferrable["IMMEDIATE"],
                fields=("group", "position"),
                name="one_member_per_place",
            ),
        ),
        migrations.AddConstraint(
            model_name="member",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("position__isnull", True), ("state__in", ("invited", "accepted")), _connector="XOR"
                ),
                name="place_in_group",
            ),
        ),
        migrations.AddConstraint(
            model_name="member",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("node__isnull", False),
                        ("state__in", ("accepted", "joining", "left")),
                        ("version__isnull", False),
                    ),
                    models.Q(
                        ("node__isnull", True),
                        ("state__in", ("invited", "declined", "asked")),
                        ("version__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="accepted_with_a_model",
            ),
        ),
        migrations.AddField(
            model_name="proposal",
            name="group",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="proposals", to="groups.group"
            ),
        ),
        migrations.AddField(
            model_name="proposal",
            name="organisation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organisation"
            ),
        ),
        migrations.AddField(
            model_name="proposal",
            name="proposed_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="proposalsignature",
            name="proposal",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="signatures", to="groups.proposal"
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("inviting", "signing", "ordering"))),
                fields=("group",),
                name="one_proposal_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("completed__isnull", True),
                    models.Q(("state__in", ("inviting", "signing", "ordering")), _negated=True),
                    _connector="XOR",
                ),
                name="proposal_completed_when_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("configuration__isnull", True),
                        ("digest__isnull", True),
                        models.Q(("state__in", ("signing", "ordering", "in-force")), _negated=True),
                    ),
                    models.Q(
                        ("configuration__isnull", False),
                        ("digest__isnull", False),
                        models.Q(("state", "inviting"), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="proposal_fixed_to_be_signed",
            ),
        ),
        migrations.AddConstraint(
            model_name="proposalsignature",
            constraint=models.UniqueConstraint(fields=("proposal", "key"), name="one_signature_per_key"),
        ),
    ]
