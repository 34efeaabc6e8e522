"""What happens to accounts that other apps have something to add to, in the same transaction."""

from django.dispatch import Signal

organisation_made = Signal()  # sender: the class; organisation
