"""exmail_admin: wiring."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from exmail_admin import logs


class ExmailAdminConfig(AppConfig):
    name = "exmail_admin"

    def ready(self) -> None:
        logs.configure()
        logs.start_sentry(settings.SENTRY_DSN)
        connection_created.connect(spare_compiling, dispatch_uid="spare_compiling")


def spare_compiling(connection: BaseDatabaseWrapper, **_signal: Any) -> None:
    """PostgreSQL would compile what it guesses to be long work: of a page of 51 rows it spends 80 ms of 110 on that. A
    statement and no start-up parameter, for poolers refuse those."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET jit = off")
