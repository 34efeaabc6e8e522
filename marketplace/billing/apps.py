"""Django's handle on this app."""

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.models.signals import post_migrate


class BillingConfig(AppConfig):
    name = "marketplace.billing"

    def ready(self) -> None:
        from marketplace.accounts.signals import organisation_made
        from marketplace.billing import checks, credit, finance

        register(checks.one_currency, Tags.database)
        organisation_made.connect(credit.on_organisation_made)
        post_migrate.connect(finance.ensure_group, sender=self)  # by then its permissions are there
