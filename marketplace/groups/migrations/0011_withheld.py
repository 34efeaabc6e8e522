"""Answers withheld, to which a member had committed: counted beside what it said, and struck by certificate.

Counts of each member get a number more, at their end. The length of `members` must fit that of `pairs`, so that a
worker of the version before can add nothing that would be read as something else.
"""

import django.db.models.deletion
from django.db import migrations, models

WIDER = """
UPDATE groups_groupcounts SET members = ARRAY(
    SELECT number FROM (
        SELECT i * 7 + k, CASE WHEN k < 6 THEN members[i * 6 + k + 1] ELSE 0 END
        FROM generate_series(0, cardinality(members) / 6 - 1) AS i, generate_series(0, 6) AS k
    ) AS each(place, number) ORDER BY place
);
ALTER TABLE groups_groupcounts ADD CONSTRAINT counts_of_all_members CHECK (
    cardinality(members) % 7 = 0
    AND cardinality(pairs) * 2 = 5 * (cardinality(members) / 7) * (cardinality(members) / 7 - 1)
    AND array_position(members, NULL) IS NULL
);
"""
NARROWER = """
ALTER TABLE groups_groupcounts DROP CONSTRAINT counts_of_all_members;
UPDATE groups_groupcounts SET members = ARRAY(
    SELECT number FROM unnest(members) WITH ORDINALITY AS each(number, place)
    WHERE place % 7 != 0 ORDER BY place
);
"""


class Migration(migrations.Migration):
    dependencies = [("certificates", "0002_immutable"), ("groups", "0010_copy_resistant")]
    operations = [
        migrations.AddField(
            model_name="strike",
            name="certificate",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="strikes",
                to="certificates.certificate",
            ),
        ),
        migrations.AlterField(
            model_name="strike",
            name="evidence",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="strikes",
                to="groups.evidence",
            ),
        ),
        migrations.AddConstraint(
            model_name="strike",
            constraint=models.CheckConstraint(
                condition=models.Q(("evidence__isnull", True), ("certificate__isnull", True), _connector="XOR"),
                name="strike_with_a_proof",
            ),
        ),
        migrations.RunSQL(WIDER, NARROWER),
    ]
