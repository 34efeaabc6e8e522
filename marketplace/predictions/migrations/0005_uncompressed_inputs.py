"""Tensors and pictures are stored as they are: compressing them again costs milliseconds and gains little."""

from django.db import migrations

COLUMNS = ("inputs", "source", "outputs")


def storage(kind: str) -> str:
    return "; ".join(
        f"ALTER TABLE predictions_prediction ALTER COLUMN {each} SET STORAGE {kind}" for each in COLUMNS
    )


class Migration(migrations.Migration):
    dependencies = [("predictions", "0004_no_cancel_request")]
    operations = [migrations.RunSQL(storage("EXTERNAL"), storage("EXTENDED"))]
