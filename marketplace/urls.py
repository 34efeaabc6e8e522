"""Where everything is: the API under /api/v1, pages everywhere else."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("marketplace.api.urls")),
    path("staff/", admin.site.urls),
    path("", include("marketplace.web.urls")),
]
