"""invitations: join links, applications, batches of personal invitations, and the overview."""

from django.apps import AppConfig


class InvitationsConfig(AppConfig):
    name = "invitations"

    def ready(self) -> None:
        from invitations.registrations import register  # models are loaded only now

        register()
