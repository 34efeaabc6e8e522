"""What an API key may be used for. A person who is signed in has every scope; a role still limits both."""

from __future__ import annotations

from django.db.models import TextChoices


class Scope(TextChoices):
    """The value stands in the key's list, the label in pages and in the API's documentation."""

    PREDICT = "predict", "Make predictions"
    READ = "read", "Read what is private: models, predictions, inputs and outputs"
    MODELS = "models", "Create, upload, deploy and publish models"
    NODES = "nodes", "Register and retire nodes"
    KEYS = "keys", "Create and revoke API keys"
    BILLING = "billing", "See and move money: caps, stakes, earnings"


BUYER = (Scope.PREDICT, Scope.READ)  # what a new key gets unless its maker says otherwise
EVERY = tuple(Scope)
