"""Django's handle on this app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "marketplace.billing"

    def ready(self) -> None:
        from marketplace.accounts.signals import organisation_made
        from marketplace.billing import credit

        organisation_made.connect(credit.on_organisation_made)
