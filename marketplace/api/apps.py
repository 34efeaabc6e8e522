"""Django's handle on this app."""

from django.apps import AppConfig
from django.core.signals import got_request_exception


class ApiConfig(AppConfig):
    name = "marketplace.api"

    def ready(self) -> None:
        from marketplace.api import problems  # needs the settings

        got_request_exception.connect(problems.noted, dispatch_uid="noted")
