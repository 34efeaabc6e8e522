"""What `make up` shows: four owners with different kinds of model of the same real data, trained on the spot."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # see inference/__init__.py
