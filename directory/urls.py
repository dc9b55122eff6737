"""Routes of directory."""

from django.urls import URLPattern, path  # noqa: F401

app_name = "directory"
urlpatterns: list[URLPattern] = []
