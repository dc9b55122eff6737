"""invitations: the ways in for many: overview today, links and notices next."""

from django.apps import AppConfig


class InvitationsConfig(AppConfig):
    name = "invitations"
