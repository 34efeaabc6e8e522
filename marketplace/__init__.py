"""The shop: Django settings, the apps, the Celery workers."""
