"""The web process."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
django.setup(set_prefix=False)

from marketplace.handler import Handler  # noqa: E402 - needs the settings

application = Handler()
