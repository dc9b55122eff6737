"""The app of shared machinery, which knows nothing of the product."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"
