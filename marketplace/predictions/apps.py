"""Django's handle on this app."""

from django.apps import AppConfig


class PredictionsConfig(AppConfig):
    name = "marketplace.predictions"
