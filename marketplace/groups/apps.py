"""Django's handle on this app."""

from django.apps import AppConfig


class GroupsConfig(AppConfig):
    name = "marketplace.groups"

    def ready(self) -> None:
        from marketplace.groups import handlers

        handlers.register()
