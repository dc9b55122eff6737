"""`manage.py reset_factors LOGIN`: for the last owner who has lost app, passkey and recovery codes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.audit.recording import command_actor
from accounts.models import User
from accounts.second_factor.factors import reset_factors


class Command(BaseCommand):
    help = "Remove all second factors of a user, who sets up new ones at the next sign-in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login")

    def handle(self, *args: Any, login: str, **options: Any) -> None:
        user = User.objects.filter(login=login.lower()).first()
        if user is None:
            raise CommandError(f"Nobody signs in as {login}.")
        count = reset_factors(user, enterprise=None, by=command_actor())
        self.stdout.write(f"Second factors taken away: {count}. Every session of {user} is over.")
