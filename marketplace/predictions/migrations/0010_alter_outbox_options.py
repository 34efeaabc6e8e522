from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("predictions", "0009_hold"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="outbox",
            options={"verbose_name_plural": "outbox"},
        ),
    ]
