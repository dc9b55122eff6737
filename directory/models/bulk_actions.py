"""Bulk actions and their items."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Enterprise
from core.leased_jobs import LeasedJob
from directory.models.members import Member


class BulkAction(LeasedJob):
    """An action on many members, run by a worker (directory.bulk_actions.job).

    Invariant: total = done + left_out + not_reached.
    """

    class Kind(models.TextChoices):
        DELETE = "delete", _("Delete")
        RESTORE = "restore", _("Restore")
        DISABLE = "disable", _("Disable")
        ENABLE = "enable", _("Enable")
        EXPORT = "export", _("Download")

    class State(models.TextChoices):
        WORKING = "working", _("In progress")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Canceled")
        FAILED = "failed", _("Failed")

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="bulk_actions", db_index=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    author_name = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=16, choices=State, default=State.WORKING)
    # Why it stopped: an English msgid.
    reason = models.CharField(max_length=500, blank=True)
    # The language of an export's headings, and the stem of its file's name below settings.EXPORT_DIR ("": no file).
    language = models.CharField(max_length=16)
    stored = models.CharField(max_length=32, blank=True)

    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    # Members with ids up to this one are settled.
    position = models.BigIntegerField(default=0)

    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = _("background tasks")
        indexes = [
            models.Index(fields=["enterprise", "-id"], name="bulk_action_by_age"),
            models.Index(fields=["enterprise", "id"], name="bulk_action_working", condition=Q(state="working")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.total}"

    @property
    def reason_text(self) -> str:
        """Return the reason in the current language."""
        return gettext(self.reason) if self.reason else ""

    @property
    def settled(self) -> int:
        return self.done + self.left_out

    @property
    def not_reached(self) -> int:
        return self.total - self.settled


class BulkActionItem(models.Model):
    """A member of a bulk action who is waiting, or has something to report. Holds no name and no phone."""

    class Reason(models.TextChoices):
        IN_BIN = "in_bin", _("Already in the recycle bin")
        PRESENT = "present", _("No longer in the recycle bin")
        ERASED = "erased", _("Permanently erased in the meantime")
        DISABLED = "disabled", _("Already disabled")
        NOT_DISABLED = "not_disabled", _("Not disabled")
        OUT_OF_REACH = "out_of_reach", _("No longer in a department managed by the person who started this")
        # Remarks on restored members.
        WITHOUT_PHONE = "without_phone", _("Restored without the phone number, which now belongs to another member")
        MOVED = "moved", _("Restored to the root department because the previous one was deleted")

    REMARKS = (Reason.WITHOUT_PHONE, Reason.MOVED)

    # Without constraints: items are written in their action's transaction, and rows of members are never deleted.
    bulk_action = models.ForeignKey(
        BulkAction, on_delete=models.CASCADE, related_name="items", db_index=False, db_constraint=False
    )
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    # Blank: waiting.
    reason = models.CharField(max_length=16, choices=Reason, blank=True)
    # The member who has the phone now.
    holder = models.ForeignKey(
        Member, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False, db_constraint=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bulk_action", "member", "reason"], name="bulk_action_item_once")
        ]

    def __str__(self) -> str:
        return f"member {self.member_id} in bulk action {self.bulk_action_id}"
