"""accounts: who is who: enterprises, users, roles, sessions, the audit log."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
