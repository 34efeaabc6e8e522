"""What a load balancer asks a web process: whether it is alive, and whether it can serve now.

Redis is not asked: without it requests are only slower (`predictions.wakeups`).
"""

from __future__ import annotations

from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
def alive(_: HttpRequest) -> HttpResponse:
    """200 from any process that still answers."""
    return HttpResponse("alive\n", content_type="text/plain")


@require_safe
def ready(_: HttpRequest) -> HttpResponse:
    """200 if PostgreSQL answers, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return HttpResponse("the database does not answer\n", status=503, content_type="text/plain")
    return HttpResponse("ready\n", content_type="text/plain")
