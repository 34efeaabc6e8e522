"""The API's addresses, below /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView

from marketplace.api import certificates, keys, predictions
from marketplace.api.views import Nothing

app_name = "api"

urlpatterns: list[URLPattern | URLResolver] = [
    path("predictions", predictions.Predictions.as_view(), name="predictions"),
    path("predictions/<uuid:identifier>", predictions.OnePrediction.as_view(), name="prediction"),
    path("predictions/<uuid:identifier>/cancel", predictions.Cancel.as_view(), name="cancel-prediction"),
    path("predictions/<uuid:identifier>/events", predictions.Events.as_view(), name="prediction-events"),
    path("certificates/verify", certificates.Verify.as_view(), name="verify"),
    path("certificates/<str:name>", certificates.OneCertificate.as_view(), name="certificate"),
    path("keys", keys.Keys.as_view(), name="keys"),
    path("keys/<int:identifier>", keys.OneKey.as_view(), name="key"),
    path("schema", SpectacularJSONAPIView.as_view(), name="schema"),
    re_path(r"", Nothing.as_view(), name="nothing"),
]
