"""core: machinery without product nouns, used by every app."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"
