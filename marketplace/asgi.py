"""The web process.

Everything is imported before the first request, and then left out of the collection of garbage: as long as the
process lives it is none, and walking it would hold all requests up for a tenth of a second now and then.
"""

from __future__ import annotations

import gc
import os
from importlib import import_module

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402 - needs to be set up

from marketplace.handler import Handler  # noqa: E402 - needs the settings

application = Handler()
import_module(settings.ROOT_URLCONF)  # and with it what is behind every address

gc.collect()
gc.freeze()
