"""Messages of the outbox and one-time codes. Phones are stored as E.164 text, already parsed by `sms.phones`."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class Door(models.TextChoices):
    """What a person has shown before asking for a code; each door has limits of its own (docs/limits.md).

    At the proven door they have shown what only the owner of the number has: a personal link, a browser in which the
    owner was signed in, or the owner's session.
    """

    ANONYMOUS = "anonymous"
    PROVEN = "proven"


class Message(models.Model):
    """One SMS and its delivery state.

    `encrypted` holds the secrets (code, link) until an end state is reached, and while an unknown outcome is looked up.
    `text` is the text with the secrets masked.
    """

    class Kind(models.TextChoices):
        INVITATION = "invitation", _("Invitation")
        CODE = "code", _("Verification code")
        DECISION = "decision", _("Decision")

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting")
        CLAIMED = "claimed", _("Sending")
        RETRY_WAIT = "retry_wait", _("Will retry")
        SENT = "sent", _("Sent")
        DELIVERED = "delivered", _("Delivered")
        UNDELIVERED = "undelivered", _("Not delivered")
        REJECTED = "rejected", _("Rejected by provider")
        UNKNOWN = "unknown", _("Outcome unknown")
        CANCELLED = "cancelled", _("Canceled")
        EXPIRED = "expired", _("Expired")

    WAITING = [State.PENDING, State.RETRY_WAIT]
    FAILED = [State.REJECTED, State.UNKNOWN, State.UNDELIVERED]

    enterprise = models.ForeignKey(
        "accounts.Enterprise", on_delete=models.CASCADE, null=True, related_name="sms_messages"
    )
    kind = models.CharField(max_length=16, choices=Kind)
    purpose = models.CharField(max_length=16)
    subject = models.CharField(max_length=64)
    logical_no = models.PositiveIntegerField(default=1)
    to = models.CharField(max_length=16)
    # A code asked for at the proven door, which is handed over before others to its number.
    is_proven = models.BooleanField(default=False)
    language = models.CharField(max_length=16)
    template = models.CharField(max_length=32)
    params = models.JSONField(default=dict)
    encrypted = models.TextField(blank=True)
    text = models.TextField()
    gateway = models.CharField(max_length=16)
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    reason = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    provider_id = models.CharField(max_length=64, blank=True)
    # The status of the provider's latest delivery report (sms.outbox.reports).
    provider_status = models.CharField(max_length=32, blank=True)
    # When a message that the provider never received was retried (sms.outbox.reconciliation).
    retried_at = models.DateTimeField(null=True)
    claim = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["purpose", "subject", "logical_no"], name="message_promised_once_for_its_subject"
            ),
        ]
        indexes = [
            models.Index(fields=["enterprise", "-id"], name="message_of_enterprise"),
            models.Index(fields=["to"], name="message_by_number"),
            models.Index(
                fields=["enterprise", "created_at"],
                name="message_failed",
                condition=Q(state__in=["rejected", "unknown", "undelivered"]),
            ),
            models.Index(
                fields=["kind", "gateway", "id"],
                name="message_waiting",
                condition=Q(state__in=["pending", "retry_wait"]),
            ),
            models.Index(fields=["lease_until"], name="message_leased", condition=Q(state="claimed")),
            models.Index(fields=["claim"], name="message_claim", condition=Q(state="claimed")),
            models.Index(fields=["provider_id"], name="message_by_provider_id", condition=~Q(provider_id="")),
            models.Index(fields=["next_attempt_at"], name="message_to_look_up", condition=Q(state="unknown")),
            models.Index(fields=["to", "settled_at"], name="message_code_of_number", condition=Q(kind="code")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk} {self.state}"

    @property
    def reason_text(self) -> str:
        """Return the reason in the active language, followed by the provider's error number, if any."""
        words, paren, number = self.reason.partition(" (")
        return gettext(words) + paren + number if words else ""


class DeliveryReport(models.Model):
    """A delivery report that arrived before the message's provider id was stored. Rows live for a day."""

    provider_id = models.CharField(max_length=64, unique=True)
    status = models.CharField(max_length=32)
    error = models.CharField(max_length=16, blank=True)
    received_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.provider_id} {self.status}"


class GatewayHealth(models.Model):
    """The latest failures of a gateway, and since when its messages wait (sms.outbox.breaker).

    `failed_at` holds POSIX times. While `open_since` is set, one message may be handed over at `next_probe_at`.
    """

    gateway = models.CharField(max_length=16, unique=True)
    failed_at = models.JSONField(default=list)
    open_since = models.DateTimeField(null=True)
    next_probe_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.gateway


class PhoneCode(models.Model):
    """A one-time code bound to a phone, a purpose and a browser. Rows live for 24 hours.

    A number that gets no SMS has a row too (`is_decoy`), so that both cases take the same time.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    phone = models.CharField(max_length=16)
    purpose = models.CharField(max_length=16)
    subject = models.CharField(max_length=64, blank=True)
    browser = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    serial = models.PositiveSmallIntegerField()
    attempts = models.PositiveSmallIntegerField(default=0)
    is_decoy = models.BooleanField(default=False)
    door = models.CharField(max_length=16, choices=Door)
    address_block = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    consumed_at = models.DateTimeField(null=True)
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["phone", "created_at"], name="phone_code_of_phone"),
            models.Index(fields=["browser", "created_at"], name="phone_code_of_browser"),
            models.Index(fields=["address_block", "created_at"], name="phone_code_of_block"),
            models.Index(fields=["created_at"], name="phone_code_age"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.pk}"


class PhoneAttemptCounter(models.Model):
    """Consecutive failures and the wait of a phone number at one door, across all codes, browsers and enterprises."""

    phone = models.CharField(max_length=16)
    door = models.CharField(max_length=16, choices=Door)
    failures = models.PositiveIntegerField(default=0)
    wait_until = models.DateTimeField(null=True)
    serial = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["phone", "door"], name="attempts_counted_once_per_door")]

    def __str__(self) -> str:
        return f"{self.failures} failures"


class Alarm(models.Model):
    """An alarm shown to administrators (sms.codes.alarms); without an enterprise it concerns all of them."""

    class Kind(models.TextChoices):
        NEARLY_SPENT = (
            "nearly_spent",
            _("Many verification codes were requested and not entered: four fifths of the limit."),
        )
        SPENT = (
            "spent",
            _("Too many verification codes were requested and not entered. For now, new browsers get few or none."),
        )
        CONVERSION = "conversion", _("Few of the recently sent codes were entered. Someone may be abusing the pages.")
        ROW = (
            "row",
            _("Someone requested codes for consecutive phone numbers, possibly to profit from the SMS charges."),
        )

    key = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=16, choices=Kind)
    enterprise = models.ForeignKey("accounts.Enterprise", on_delete=models.CASCADE, null=True, related_name="+")
    raised_at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return self.key


class UsedChallenge(models.Model):
    """A solved challenge of the proof of work, or of a passkey, stored so that it cannot be used again."""

    nonce = models.CharField(max_length=16, unique=True)
    spent_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.nonce
