"""QR codes for signing in, and the sessions opened by them."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models.enterprise import Enterprise
from accounts.models.users import User


def new_qr_token() -> str:
    """Return 128 random bits as 22 characters (ASVS 11.5.1)."""
    return secrets.token_urlsafe(16)


def new_qr_number() -> str:
    return f"{secrets.randbelow(100):02}"


class QrSignIn(models.Model):
    """A QR code shown by a desktop: new → scanned → approved → claimed, or declined, or expired.

    The code contains `token`; `browser` is the SHA-256 of the secret of the browser that shows it. Each state has its
    own lifetime: after `expires_at`, an open state counts as expired. See docs/qr-sign-in.md.
    """

    class State(models.TextChoices):
        NEW = "new"
        SCANNED = "scanned"
        APPROVED = "approved"
        CLAIMED = "claimed"
        DECLINED = "declined"
        EXPIRED = "expired"

    token = models.CharField(max_length=22, unique=True, default=new_qr_token)
    browser = models.CharField(max_length=64, db_index=True)
    number = models.CharField(max_length=2, default=new_qr_number)
    state = models.CharField(max_length=8, choices=State, default=State.NEW)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    polled_at = models.DateTimeField(null=True)
    ip = models.GenericIPAddressField()
    user_agent = models.CharField(max_length=200, blank=True)
    renewals = models.PositiveSmallIntegerField(default=0)
    is_renewed = models.BooleanField(default=False)
    # The user who scanned it, whether they are asked for the number, their attempts at it, and the session and
    # enterprise that approved it.
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    is_number_required = models.BooleanField(default=False)
    tries = models.PositiveSmallIntegerField(default=0)
    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, null=True, related_name="+")
    session_key = models.CharField(max_length=40, blank=True)
    approved_with = models.CharField(max_length=200, blank=True)
    # The desktop's session, from the claim until it ends.
    device = models.ForeignKey("usersessions.UserSession", on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False) | ~Q(state__in=["scanned", "approved", "claimed", "declined"]),
                name="qr_sign_in_goes_on_by_a_scanner",
            ),
            models.CheckConstraint(
                condition=Q(enterprise__isnull=False) & ~Q(session_key="") | ~Q(state__in=["approved", "claimed"]),
                name="qr_sign_in_is_approved_from_a_session",
            ),
        ]

    def __str__(self) -> str:
        return f"QR code {self.pk}"

    @property
    def is_spent(self) -> bool:
        """True if wrong numbers ended it."""
        return self.tries >= settings.ACCOUNTS_QR_NUMBER_TRIES and self.state == self.State.EXPIRED


class ScannedSession(models.Model):
    """A session opened by QR code: the browser that approved it, and whether its user has confirmed it."""

    session = models.OneToOneField(
        "usersessions.UserSession", on_delete=models.CASCADE, primary_key=True, related_name="scanned"
    )
    approved_with = models.CharField(max_length=200, blank=True)
    is_known = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"session {self.pk}"
