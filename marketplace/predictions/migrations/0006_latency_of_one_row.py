from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("predictions", "0005_uncompressed_inputs")]

    operations = [
        migrations.RemoveIndex(model_name="prediction", name="prediction_latency"),
        migrations.AddIndex(
            model_name="prediction",
            index=models.Index(
                condition=models.Q(("rows", 1), ("status", "certified")),
                fields=["version", "mode", "-created"],
                name="prediction_of_one_row",
            ),
        ),
    ]
