"""Routes of the wiring itself: health, language, theme, the demo's bench."""

from django.urls import URLPattern

app_name = "exmail_admin"
urlpatterns: list[URLPattern] = []
