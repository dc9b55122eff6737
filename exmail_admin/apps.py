"""exmail_admin: wiring."""

from django.apps import AppConfig
from django.conf import settings

from exmail_admin import logs


class ExmailAdminConfig(AppConfig):
    name = "exmail_admin"

    def ready(self) -> None:
        logs.configure()
        logs.start_sentry(settings.SENTRY_DSN)
