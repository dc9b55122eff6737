"""exmail_admin: wiring."""

from django.apps import AppConfig


class ExmailAdminConfig(AppConfig):
    name = "exmail_admin"
