"""`manage.py seed_demo`: create the demo enterprise, of any size."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.crypto import get_random_string

from exmail_admin.demo import data as demo


class Command(BaseCommand):
    help = "Fill the demo enterprise up to N members and M departments. Safe to repeat: adds only what is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--members", type=int, default=128)
        parser.add_argument("--departments", type=int, default=12)

    def handle(self, *args: Any, members: int, departments: int, **options: Any) -> None:
        if not 0 <= members <= demo.MOST_MEMBERS or not 0 <= departments <= demo.MOST_DEPARTMENTS:
            raise CommandError(f"At most {demo.MOST_MEMBERS:,} members and {demo.MOST_DEPARTMENTS:,} departments.")
        enterprise = demo.open_demo()
        demo.grow_departments(enterprise, departments)
        demo.grow_members(enterprise, members)
        password = settings.DEMO_PASSWORD or get_random_string(12)
        if demo.appoint_owner(enterprise, password=password):
            self.stdout.write(f"Demo sign-in: {demo.OWNER_LOGIN} / {password}")
        self.stdout.write(f"{enterprise.name}: {enterprise.members.count():,} members")
