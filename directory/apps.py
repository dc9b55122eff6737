"""directory: domains, departments, members, addresses, and the personal invitation."""

from django.apps import AppConfig


class DirectoryConfig(AppConfig):
    name = "directory"

    def ready(self) -> None:
        from directory.registrations import register  # models are loaded only now

        register()
