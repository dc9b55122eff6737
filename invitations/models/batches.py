"""Invitation batches and quiet hours."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Enterprise
from core.leased_jobs import LeasedJob
from core.translatable import render_messages
from directory.models import Invitation, Member

SELECTION = "selection"
CHOSEN_BY: dict[str, Any] = {**dict(Member.Status.choices), SELECTION: _("selected individually")}


class InvitationBatch(LeasedJob):
    """A batch of personal invitations, sent in the background (invitations.batches.send)."""

    class State(models.TextChoices):
        SENDING = "sending", _("Sending")
        DONE = "done", _("Done")

    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.CASCADE, related_name="invitation_batches", db_index=False
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    author_name = models.CharField(max_length=64)
    # The filter that chose the recipients: the members' status, or "selection"; and names of files and departments.
    chosen_by = models.CharField(max_length=16, blank=True)
    about = models.CharField(max_length=200, blank=True)
    # Also to those who had an invitation in the last 24 hours.
    includes_recent = models.BooleanField(default=False)
    state = models.CharField(max_length=16, choices=State, default=State.SENDING)
    total = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["enterprise", "-id"], name="invitation_batch_of_enterprise")]

    def __str__(self) -> str:
        return f"invitation batch {self.pk}"

    @property
    def recipients_text(self) -> str:
        """The filter in the reader's language."""
        return " · ".join(str(part) for part in (CHOSEN_BY.get(self.chosen_by), self.about) if part)


class QuietHours(models.Model):
    """When an enterprise sends no batches, in its time zone; may include midnight. Without a row: never."""

    enterprise = models.OneToOneField(Enterprise, on_delete=models.CASCADE, related_name="quiet_hours")
    begins = models.TimeField()
    ends = models.TimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(begins=F("ends")), name="quiet_hours_leave_some")]

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}–{self.ends:%H:%M}"


class Recipient(models.Model):
    """One member of a batch: waiting, invited, or skipped for a reason."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Invited")
        LEFT_OUT = "left_out", _("Skipped")

    batch = models.ForeignKey(InvitationBatch, on_delete=models.CASCADE, related_name="recipients", db_index=False)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="batch_recipients", db_index=False)
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    invitation = models.ForeignKey(Invitation, on_delete=models.SET_NULL, null=True, related_name="+")
    # Serialized messages of core.translatable.
    why = models.JSONField(default=list, blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "member"], name="recipient_once_in_a_batch")]
        indexes = [
            models.Index(fields=["batch", "id"], name="recipient_of_batch"),
            models.Index(fields=["member", "sent_at"], name="recipient_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.member_id} in batch {self.batch_id}"

    @property
    def reason(self) -> str:
        """The reason in the reader's language."""
        return render_messages(self.why)
