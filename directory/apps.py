"""directory: domains, departments, members, addresses, and the personal invitation."""

from django.apps import AppConfig


class DirectoryConfig(AppConfig):
    name = "directory"
