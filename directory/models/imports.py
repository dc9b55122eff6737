"""Imports and their rows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Enterprise
from core.leased_jobs import LeasedJob
from directory.models.departments import Department
from directory.models.members import Member


class Import(LeasedJob):
    """One uploaded workbook and all that came of it. Its row stays; file, cells and previous values go in time.

    `created` and `updated` count what is planned until the import is done, and what was done from then on.
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
    department = models.ForeignKey(Department, on_delete=models.SET_NULL, null=True, related_name="+")
    department_name = models.CharField(max_length=64)
    mode = models.CharField(_("mode"), max_length=16, choices=Mode)
    create_departments = models.BooleanField(default=False)
    language = models.CharField(max_length=16)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.CHECKING)
    # Why it failed or stopped; the English text, which is the key of its translations.
    reason = models.CharField(max_length=500, blank=True)

    file_name = models.CharField(max_length=128)
    # The stem of the generated names below settings.IMPORT_DIR; "" once the file is gone.
    stored = models.CharField(max_length=32, blank=True)
    digest = models.CharField(max_length=64)
    # What directory.imports.columns made of the headings, and what was noticed while reading.
    heading = models.JSONField(default=dict)
    # By row number: what was repaired in the browser ({"12": {"phone": "…"}}), and which rows were left out.
    repairs = models.JSONField(default=dict)
    skipped_rows = models.JSONField(default=list)

    read = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    # All rows up to this number have been applied; how many that were.
    position = models.PositiveIntegerField(default=0)
    applied = models.PositiveIntegerField(default=0)

    # Work that the worker does besides checking and applying, and what came of it.
    follow_up = models.CharField(max_length=16, choices=FollowUp, blank=True)
    undone = models.PositiveIntegerField(null=True)
    kept = models.PositiveIntegerField(null=True)
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
        """In the reader's language."""
        return gettext(self.reason) if self.reason else ""

    @property
    def not_reached(self) -> int:
        """Rows that a cancelled import would have applied."""
        accounted = self.created + self.updated + self.unchanged + self.refused + self.left_out
        return max(0, self.read - accounted)

    @property
    def is_only_planned(self) -> bool:
        """Its counts say what would become of the rows."""
        return self.state in {self.State.CHECKING, self.State.READY, self.State.APPLYING}

    @property
    def is_over(self) -> bool:
        """Nothing more is applied; what was applied can be undone."""
        return self.state in {self.State.DONE, self.State.CANCELLED, self.State.FAILED}

    @property
    def to_apply(self) -> int:
        return self.created + self.updated


class ImportRow(models.Model):
    """One row of an import: first what would become of it, then what did."""

    class Verdict(models.TextChoices):
        NEW = "new", _("New")
        CHANGED = "changed", _("Changed")
        UNCHANGED = "unchanged", _("Unchanged")
        REFUSED = "refused", _("Errors")
        LEFT_OUT = "left_out", _("Skipped")
        CREATED = "created", _("Created")
        UPDATED = "updated", _("Updated")

    class Undo(models.TextChoices):
        UNDONE = "undone", _("Undone")
        KEPT = "kept", _("Kept")

    # Only ever written under the lock of its import and beside the member itself: the database needn't look again.
    import_job = models.ForeignKey(
        Import, on_delete=models.CASCADE, related_name="rows", db_index=False, db_constraint=False
    )
    # As the sheet numbers it.
    number = models.PositiveIntegerField()
    verdict = models.CharField(max_length=16, choices=Verdict)
    # As uploaded (with repairs); what the columns made of it; what is wrong: [{"column", "text", "rows"}];
    # what was understood differently from what stands there or would change: [{"column", "from", "to"}].
    cells: models.JSONField[Any, Any] = models.JSONField(null=True)
    facts: models.JSONField[Any, Any] = models.JSONField(null=True)
    problems = models.JSONField(default=list)
    notes = models.JSONField(default=list)
    member = models.ForeignKey(
        Member, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False, db_constraint=False
    )
    # The facts an update replaced.
    previous: models.JSONField[Any, Any] = models.JSONField(null=True)
    undo = models.CharField(max_length=16, choices=Undo, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["import_job", "number"], name="import_row_number_once")]
        indexes = [
            models.Index(fields=["import_job", "number"], name="import_row_refused", condition=Q(verdict="refused")),
            models.Index(fields=["member"], name="import_row_by_member", condition=Q(member__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"row {self.number} of {self.import_job_id}"
