"""Django's handle on this app."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    name = "marketplace.catalogue"

    def ready(self) -> None:
        from marketplace.catalogue import handlers

        handlers.register()
