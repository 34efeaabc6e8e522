"""Ten thousand models in a benchmark's catalogue, and how many queries its pages need.

    python -m benchmarks.catalogue

Runs in the marketplace's environment and prints JSON. Filling again changes nothing.
"""

from __future__ import annotations

import json

import django

from benchmarks.networks.mobilenet import MOBILENET

MODELS = 10_000
WORDS = ("hand", "written", "digits", "wine", "tumour", "weather", "speech", "leaf", "engine", "galaxy", "river")
TASKS = ("classification", "regression", "other")
LICENCES = ("MIT", "CC0-1.0", "Apache-2.0")


def fill() -> None:
    """Published models of one owner, each with a version and an offer."""
    from django.db import connection

    from marketplace.accounts.models import Organisation, User
    from marketplace.catalogue.interfaces import plain
    from marketplace.catalogue.models import Model, ModelVersion, Offer

    if Model.objects.filter(slug__startswith="bench-").count() >= MODELS:
        return
    owner, user = Organisation.objects.get(slug="bruno"), User.objects.get(email__startswith="bruno@")
    interface = plain(MOBILENET)
    models = Model.objects.bulk_create(
        Model(
            organisation=owner,
            slug=f"bench-{i}",
            title=f"{WORDS[i % 11].title()} {WORDS[i // 11 % 11]} {i}",
            summary=f"Tells {WORDS[i // 7 % 11]} from {WORDS[i // 3 % 11]}",
            task=TASKS[i % 3],
            licence=LICENCES[i // 3 % 3],
            visibility="public",
        )
        for i in range(MODELS)
    )
    versions = ModelVersion.objects.bulk_create(
        ModelVersion(
            model=model,
            number=1,
            state="published",
            weights="never-here",
            interface=interface,
            created_by=user,
            metrics=[
                {"name": "accuracy", "value": (i * 37 % 100) / 100, "dataset": "held-out", "rows": 9, "sha256": ""}
            ],
        )
        for i, model in enumerate(models)
    )
    for model, version in zip(models, versions, strict=True):
        model.published_version = version
    Model.objects.bulk_update(models, ["published_version"], batch_size=1000)
    Offer.objects.bulk_create(Offer(model=model, mode="direct") for model in models)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def queries(path: str) -> int:
    """How many queries one view of the page makes."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        answer = Client(headers={"host": "127.0.0.1"}).get(path)
    assert answer.status_code == 200, answer.content[:500]
    return len(captured)


if __name__ == "__main__":
    django.setup()
    fill()
    print(json.dumps({path: queries(path) for path in ("/", "/?q=leaf+river", "/api/v1/models?limit=100")}))
