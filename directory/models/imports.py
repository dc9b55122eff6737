"""Imports and their rows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Enterprise
from core.leased_jobs import LeasedJob
from core.translatable import render_message
from directory.models.departments import Department
from directory.models.members import Member


class Import(LeasedJob):
    """An uploaded workbook and its results. The row is kept; file, cells and previous values are deleted after a while.

    Until the import is done, `created` and `updated` count planned rows; from then on, applied ones.
    """

    class State(models.TextChoices):
        CHECKING = "checking", _("Checking")
        READY = "ready", _("Ready to import")
        APPLYING = "applying", _("Importing")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Canceled")

    class Mode(models.TextChoices):
        CREATE = "create", _("Add new members only")
        UPDATE = "update", _("Add new members and update existing ones")

    class FollowUp(models.TextChoices):
        UNDO = "undo", _("Undo")
        INVITE = "invite", _("Send invitations")

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="imports", db_index=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    author_name = models.CharField(max_length=64, blank=True)
    # The person who pressed the latest button; the worker acts for them.
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    actor_name = models.CharField(max_length=64, blank=True)
    department = models.ForeignKey(Department, on_delete=models.SET_NULL, null=True, related_name="+")
    department_name = models.CharField(max_length=64)
    mode = models.CharField(_("mode"), max_length=16, choices=Mode)
    create_departments = models.BooleanField(default=False)
    language = models.CharField(max_length=16)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.CHECKING)
    # Why it failed or stopped: an English msgid, and its parameters.
    reason = models.CharField(max_length=500, blank=True)
    reason_params = models.JSONField(default=dict)

    file_name = models.CharField(max_length=128)
    # The stem of the files' names below settings.IMPORT_DIR; "" once they are deleted.
    stored = models.CharField(max_length=32, blank=True)
    digest = models.CharField(max_length=64)
    # What was found when the file was read: the recognized columns (directory.imports.reading.headings), the number of
    # rows, notices. Empty until then.
    heading = models.JSONField(default=dict)
    # Cells corrected in the browser by row number ({"12": {"phone": "…"}}), and the numbers of rows left out.
    repairs = models.JSONField(default=dict)
    skipped_rows = models.JSONField(default=list)

    # Rows that a worker has checked so far.
    checked = models.PositiveIntegerField(default=0)
    read = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    # Rows up to this number have been applied; `applied` counts them.
    position = models.PositiveIntegerField(default=0)
    applied = models.PositiveIntegerField(default=0)

    # The worker's next task after the import, and the results of both.
    follow_up = models.CharField(max_length=16, choices=FollowUp, blank=True)
    # Why it stopped: an English msgid.
    follow_up_reason = models.CharField(max_length=500, blank=True)
    undone = models.PositiveIntegerField(null=True)
    kept = models.PositiveIntegerField(null=True)
    # Whether the undo withdraws open invitations of members it keeps, and what it did so far, by reason
    # (directory.imports.undo.counts.UndoCounts).
    withdraws_invitations = models.BooleanField(default=False)
    undo_counts = models.JSONField(default=dict)
    invited = models.PositiveIntegerField(null=True)
    not_invited = models.PositiveIntegerField(null=True)

    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = _("imports")
        indexes = [models.Index(fields=["enterprise", "-id"], name="import_by_age")]

    def __str__(self) -> str:
        return self.file_name

    def created_member_ids(self) -> models.QuerySet[ImportRow, Any]:
        """Return the ids of the members that this import created, as a subquery for `pk__in`."""
        created = self.rows.filter(verdict=ImportRow.Verdict.CREATED, member__isnull=False)
        return created.values("member")

    @property
    def reason_text(self) -> str:
        """Return the reason in the current language."""
        return render_message({"text": self.reason, "params": self.reason_params})

    @property
    def is_read(self) -> bool:
        """False while the file is to be read, and if it was refused."""
        return bool(self.heading)

    @property
    def follow_up_reason_text(self) -> str:
        """Return why the follow-up stopped, in the current language."""
        return render_message({"text": self.follow_up_reason, "params": {}})

    @property
    def accounted(self) -> int:
        """The rows whose outcome, or planned outcome, is known."""
        return self.created + self.updated + self.unchanged + self.refused + self.left_out

    @property
    def not_reached(self) -> int:
        """Return how many rows a cancelled import has not applied."""
        return max(0, self.read - self.accounted)

    @property
    def is_only_planned(self) -> bool:
        """True while the counts are planned ones."""
        return self.state in {self.State.CHECKING, self.State.READY, self.State.APPLYING}

    @property
    def is_over(self) -> bool:
        """True if no more rows are applied; those applied can be undone."""
        return self.state in {self.State.DONE, self.State.CANCELLED, self.State.FAILED}

    @property
    def is_working(self) -> bool:
        """A worker is busy with it, or is to be."""
        return self.state in {self.State.CHECKING, self.State.APPLYING} or bool(self.follow_up)

    @property
    def may_be_undone(self) -> bool:
        return self.is_over and self.is_read and not self.undone_at and bool(self.stored)

    @property
    def to_apply(self) -> int:
        return self.created + self.updated


class ImportRow(models.Model):
    """A row of an import, with its planned and then its actual result."""

    class Verdict(models.TextChoices):
        NEW = "new", _("New")
        CHANGED = "changed", _("Changed")
        UNCHANGED = "unchanged", _("Unchanged")
        REFUSED = "refused", _("Errors")
        LEFT_OUT = "left_out", _("Skipped")
        CREATED = "created", _("Added")
        UPDATED = "updated", _("Updated")

    class Undo(models.TextChoices):
        UNDONE = "undone", _("Undone")
        KEPT = "kept", _("Kept")

    class KeptBecause(models.TextChoices):
        """Why an undo keeps what a row did: the first that applies."""

        GONE = "gone", _("no longer in the directory")
        LOST = "lost", _("previous values no longer available")
        EDITED = "edited", _("edited since")
        JOINED = "joined", _("joined since")
        DISABLED = "disabled", _("disabled since")
        INVITED = "invited", _("invited since")
        CODE = "code", _("given an activation code since")
        # Found only while the row is undone.
        TAKEN = "taken", _("previous values taken by others")

    # Without constraints: rows are written under their import's lock, in the member's transaction.
    import_job = models.ForeignKey(
        Import, on_delete=models.CASCADE, related_name="rows", db_index=False, db_constraint=False
    )
    # The row's number in the sheet.
    number = models.PositiveIntegerField()
    verdict = models.CharField(max_length=16, choices=Verdict)
    # The cells as uploaded, with corrections; the parsed member data; errors: [{"column", "text", "rows"}];
    # and changes, by parsing or by the import: [{"column", "from", "to"}].
    cells: models.JSONField[Any, Any] = models.JSONField(null=True)
    facts: models.JSONField[Any, Any] = models.JSONField(null=True)
    problems = models.JSONField(default=list)
    notes = models.JSONField(default=list)
    member = models.ForeignKey(
        Member, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False, db_constraint=False
    )
    # The values that an update replaced.
    previous: models.JSONField[Any, Any] = models.JSONField(null=True)
    undo = models.CharField(max_length=16, choices=Undo, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["import_job", "number"], name="import_row_number_once")]
        indexes = [
            models.Index(fields=["import_job", "number"], name="import_row_refused", condition=Q(verdict="refused")),
            models.Index(fields=["import_job", "number"], name="import_row_kept", condition=Q(undo="kept")),
            models.Index(fields=["member"], name="import_row_by_member", condition=Q(member__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"row {self.number} of {self.import_job_id}"
