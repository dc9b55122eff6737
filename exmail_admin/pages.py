"""Routes of the wiring itself: health, language, theme, the demo's bench."""

from django.urls import URLPattern, path

from exmail_admin import health

app_name = "exmail_admin"
urlpatterns: list[URLPattern] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
