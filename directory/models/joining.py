"""Personal invitations and activation codes."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Enterprise
from directory.models.members import Member


class Invitation(models.Model):
    """A personal link, sent to one member by SMS. The token is stored as its SHA-256 only."""

    class Share(models.TextChoices):
        """Who asked for the link. Each share of a member's links has a limit of its own (docs/limits.md, L11)."""

        ADMINISTRATOR = "administrator"
        # A joined member, who has proven the phone and must scan.
        OWNER = "owner"
        # The holder of an old link, perhaps a stranger.
        HOLDER = "holder"

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="invitations")
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="invitations")
    number = models.PositiveIntegerField()
    token_digest = models.CharField(max_length=64, unique=True)
    phone = models.CharField(max_length=16)
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    share = models.CharField(max_length=16, choices=Share, default=Share.ADMINISTRATOR)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    # Requested by a joined member who must scan to sign in and no longer can.
    is_recovery = models.BooleanField(default=False)
    # Sent together with others; further limits count these (directory.joining.recipients).
    is_bulk = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "number"], name="invitation_number_unique_for_member"),
            models.UniqueConstraint(
                fields=["member"],
                condition=Q(superseded_at=None, used_at=None, revoked_at=None),
                name="invitation_one_active_for_member",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="invitation_by_age"),
            models.Index(
                fields=["enterprise", "expires_at"],
                name="invitation_unanswered",
                condition=Q(superseded_at=None, used_at=None, revoked_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"invitation {self.number} of {self.member_id}"


class ActivationCode(models.Model):
    """A code by which a member joins without a phone. It is shown once and stored as a keyed HMAC."""

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="activation_codes")
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="activation_codes")
    digest = models.CharField(max_length=64, unique=True)
    issued_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member"],
                condition=Q(used_at=None, revoked_at=None),
                name="activation_code_one_active_for_member",
            ),
        ]

    def __str__(self) -> str:
        return f"activation code of {self.member_id}"

    @property
    def is_expired(self) -> bool:
        return timezone.now() >= self.expires_at
