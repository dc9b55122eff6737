"""accounts: who is who: enterprises, users, roles, sessions, the audit log."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts.audit.triggers import stand_triggers  # models are loaded only now
        from accounts.registrations import register  # as above

        register()
        post_migrate.connect(stand_triggers, sender=self, dispatch_uid="stand_triggers")
