"""`manage.py translations update|check`: update or check the Chinese catalogue."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exmail_admin.dev import translations


class Command(BaseCommand):
    help = "Update the Chinese catalogue from code and templates, or check that it is complete and compiled."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["update", "check"])

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        if action == "update":
            waiting = translations.update()
            self.stdout.write(f"The catalogue is up to date; {waiting} strings wait for a translation.")
            return
        if problems := translations.problems():
            raise CommandError("\n".join([*problems, "Run `manage.py translations update`, translate, run it again."]))
        self.stdout.write("The translations are complete.")
