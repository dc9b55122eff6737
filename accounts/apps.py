from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts.audit.triggers import install_triggers  # models are loaded only now
        from accounts.registrations import register  # as above

        register()
        post_migrate.connect(install_triggers, sender=self, dispatch_uid="install_triggers")
