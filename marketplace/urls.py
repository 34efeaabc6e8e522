"""Where everything is: the API under /api/v1, pages everywhere else."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from marketplace import health

urlpatterns = [
    path("api/v1/", include("marketplace.api.urls")),
    path("staff/", admin.site.urls),
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("", include("marketplace.web.urls")),
]
handler500 = "marketplace.web.pages.failed"
