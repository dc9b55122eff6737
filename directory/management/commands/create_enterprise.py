"""Create an enterprise and its owner from the command line."""

from __future__ import annotations

import getpass
import re
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.audit.recording import command_actor
from accounts.models import Role, User
from directory.enterprise import open_enterprise
from sms.phones import PhoneRefused, parse_phone


class Command(BaseCommand):
    help = "Create an enterprise with its first mail domain and owner. Prompts for the password or reads it from stdin."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True, help="the enterprise's name")
        parser.add_argument("--domain", required=True, help="its first mail domain, such as example.com")
        parser.add_argument("--owner-login", required=True, help="login of the owner")
        parser.add_argument("--owner-phone", help="the owner's mobile number")

    def handle(self, *args: Any, name: str, domain: str, owner_login: str, **options: Any) -> None:
        login = self.login(owner_login)
        phone = self.phone(options["owner_phone"])
        owner = User(login=login, phone=phone, name=owner_login.strip())
        password = self.password(owner)
        owner.set_password(password)
        try:
            with transaction.atomic():
                enterprise = open_enterprise(name=name, domain=domain, by=command_actor())
                owner.save()
                Role.objects.create(user=owner, enterprise=enterprise, name=Role.Name.OWNER)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(f"Created {enterprise.name} with {domain}; {login} owns it.")

    def login(self, text: str) -> str:
        login = text.strip().lower()
        if not re.fullmatch(r"[\w.@+-]{1,64}", login):
            raise CommandError("A login has 1 to 64 letters, digits and signs of . _ @ + -")
        if User.objects.filter(login=login).exists():
            raise CommandError(f"The login {login!r} is taken.")
        return login

    def phone(self, text: str | None) -> str | None:
        if not text:
            return None
        try:
            phone = parse_phone(text)
        except PhoneRefused as refused:
            raise CommandError(str(refused)) from None
        if User.objects.filter(phone=phone).exists():
            raise CommandError("This phone already belongs to a user.")
        return phone

    def password(self, owner: User) -> str:
        if sys.stdin.isatty():
            password = getpass.getpass("Password for the owner: ")
            if password != getpass.getpass("Again: "):
                raise CommandError("The passwords don't match.")
        else:
            password = sys.stdin.readline().rstrip("\r\n")
        try:
            validate_password(password, owner)
        except ValidationError as refused:
            raise CommandError(" ".join(refused.messages)) from None
        return password
