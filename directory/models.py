"""The enterprise's tree and the people in it. Uniqueness is the database's word, scoped by enterprise."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Left, Lower
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Enterprise, Role
from directory.querysets import IN_BIN, PRESENT, DepartmentQuerySet, MemberQuerySet


class Domain(models.Model):
    """A mail domain, unique in the deployment; where its mailboxes are opened."""

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="domains")
    name = models.CharField(_("domain"), max_length=253, unique=True)
    is_default = models.BooleanField(_("default domain"), default=False)
    webmail_url = models.URLField(_("webmail address"), max_length=500, blank=True)
    imap = models.CharField(_("IMAP server"), max_length=253, blank=True)
    smtp = models.CharField(_("SMTP server"), max_length=253, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["enterprise"], condition=Q(is_default=True), name="domain_one_default_in_enterprise"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Department(models.Model):
    """A node of the enterprise's tree; the root (no parent) is the enterprise itself.

    `path` is the ids from the root down, each followed by a slash ("1/7/42/"), so that a subtree is one prefix.
    """

    MAX_DEPTH = 15
    NAME_MAX = 64

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="departments")
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children")
    name = models.CharField(_("department name"), max_length=NAME_MAX)
    path = models.CharField(max_length=255, db_index=True)
    depth = models.PositiveSmallIntegerField(default=0)
    # Members here and below, each once, without the deleted; kept by directory.departments.move_counts.
    members_below = models.PositiveIntegerField(default=0)

    objects = DepartmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("parent", Lower("name"), name="department_name_unique_among_siblings"),
            models.UniqueConstraint(
                fields=["enterprise"], condition=Q(parent=None), name="department_one_root_in_enterprise"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def ids_above(self) -> list[int]:
        """From the root down to this department itself."""
        return [int(pk) for pk in self.path.split("/")[:-1]]


class DepartmentScope(models.Model):
    """A department (with those below) that a department administrator looks after."""

    role = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="scopes")
    department = models.ForeignKey(Department, on_delete=models.PROTECT, related_name="scopes")

    class Meta:
        verbose_name_plural = _("department administrators")
        constraints = [models.UniqueConstraint(fields=["role", "department"], name="scope_named_once")]

    def __str__(self) -> str:
        return f"{self.role} {self.department}"


class Member(models.Model):
    """A person in the directory. `user` counts only while both phones are equal (product.md, "Who is who").

    A user made by an activation code has no phone and counts while the member is activated by code; the member's own
    phone, if there is one, is then unproven and says nothing.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("Not joined")
        ACTIVE = "active", _("Joined")
        DISABLED = "disabled", _("Disabled")

    class Activation(models.TextChoices):
        PHONE = "phone", _("By phone")
        CODE = "code", _("By activation code")

    MAX_DEPARTMENTS = 20
    MAX_ALIASES = 5

    # The departments': checked there, and a second time it would only slow the writing down, as would an index
    # of its own beside those below.
    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.CASCADE, related_name="members", db_index=False, db_constraint=False
    )
    name = models.CharField(_("name"), max_length=64)
    account = models.CharField(_("account"), max_length=64)
    # E.164 as sms.phones gives it: the library's own column parses each number again on every load of a list.
    phone = models.CharField(_("phone"), max_length=16, null=True, blank=True)
    position = models.CharField(_("position"), max_length=128, blank=True)
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.PENDING)
    activation = models.CharField(_("activation"), max_length=16, choices=Activation, default=Activation.PHONE)
    # One of the memberships, which hold the department: checked there.
    main_department = models.ForeignKey(
        Department, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    departments: models.ManyToManyField[Department, models.Model] = models.ManyToManyField(
        Department, through="Membership", related_name="members"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="members", db_index=False
    )

    # What the list sorts by and the search looks into; written by directory.search_keys.
    pinyin = models.CharField(max_length=400)
    initials = models.CharField(max_length=64)
    phone_reversed = models.CharField(max_length=16, null=True)

    origin = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    invited_at = models.DateTimeField(null=True)
    joined_at = models.DateTimeField(null=True)
    last_entered_at = models.DateTimeField(null=True)
    # In the bin since, and by whose hand; once purged only the row and its id are left (directory.member_bin).
    deleted_at = models.DateTimeField(null=True)
    deleted_by = models.CharField(max_length=64, blank=True, default="", db_default="")
    erased_at = models.DateTimeField(null=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("enterprise", Lower("account"), name="member_account_unique_in_enterprise"),
            # The phone first: it is looked for in all enterprises too.
            models.UniqueConstraint(
                fields=["phone", "enterprise"],
                condition=Q(deleted_at=None),
                name="member_phone_unique_in_enterprise",
            ),
            models.CheckConstraint(
                condition=Q(activation="code") | Q(phone__isnull=False) | Q(deleted_at__isnull=False),
                name="member_activated_by_phone_has_phone",
            ),
            models.CheckConstraint(
                condition=Q(erased_at=None)
                | Q(deleted_at__isnull=False, name="", phone=None, position="", pinyin="", user=None),
                name="member_erased_has_nothing_left",
            ),
        ]
        # The list reads these without the deleted: the bin and what was purged must not lie in its way.
        indexes = [
            models.Index(fields=["enterprise", "pinyin", "id"], name="member_by_pinyin", condition=PRESENT),
            models.Index(fields=["enterprise", "initials", "id"], name="member_by_initials", condition=PRESENT),
            models.Index(
                "enterprise", Left("name", 1), "pinyin", "id", name="member_by_first_character", condition=PRESENT
            ),
            models.Index(
                fields=["enterprise", "phone_reversed", "id"],
                name="member_by_phone_tail",
                condition=PRESENT & Q(phone_reversed__isnull=False),
            ),
            models.Index(fields=["enterprise", "status", "pinyin", "id"], name="member_by_status", condition=PRESENT),
            models.Index(fields=["user"], name="member_by_user", condition=Q(user__isnull=False)),
            models.Index(fields=["enterprise", "pinyin", "id"], name="member_in_bin", condition=IN_BIN),
            models.Index(fields=["deleted_at"], name="member_by_time_in_bin", condition=IN_BIN),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def tone(self) -> str:
        """Of the badge that tells where they stand."""
        joined = {self.Status.ACTIVE: "good", self.Status.DISABLED: "neutral"}
        return joined.get(self.Status(self.status), "accent" if self.invited_at else "warn")

    @property
    def days_left(self) -> int:
        """Whole days, one begun counted in, until the bin gives it up."""
        if not self.deleted_at:
            return settings.MEMBER_BIN_DAYS
        left = self.deleted_at + timedelta(days=settings.MEMBER_BIN_DAYS) - timezone.now()
        return max(0, math.ceil(left / timedelta(days=1)))

    @property
    def has_joined_user(self) -> bool:
        """Their user counts: both phones are equal, or it is one made by an activation code, which has no phone."""
        if not self.user or not self.user.is_active:
            return False
        return self.has_user_by_code or bool(self.phone and str(self.user.phone) == self.phone)

    @property
    def has_user_by_code(self) -> bool:
        """They signed up with an activation code: their user has a login and a password, and no phone."""
        return self.activation == self.Activation.CODE and self.user is not None and self.user.phone is None


class Reading(models.Model):
    """Another way to read a member's name: 单 as dan, 乐 as yue, the later words of a Latin name."""

    # Made from the member's name and looked for together with the member: one without finds nobody.
    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="readings", db_constraint=False)
    pinyin = models.CharField(max_length=400)
    initials = models.CharField(max_length=64)

    class Meta:
        indexes = [
            models.Index(fields=["enterprise", "pinyin", "member"], name="reading_by_pinyin"),
            models.Index(fields=["enterprise", "initials", "member"], name="reading_by_initials"),
        ]

    def __str__(self) -> str:
        return self.pinyin


class Membership(models.Model):
    """A member in one of their departments."""

    # Looked for together with the member: a membership without finds nobody, and to check it takes as long as to
    # write it.
    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, related_name="memberships", db_index=False, db_constraint=False
    )
    department = models.ForeignKey(Department, on_delete=models.PROTECT, related_name="memberships", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["department", "member"], name="membership_once")]
        indexes = [models.Index(fields=["member", "department"], name="membership_of_member")]

    def __str__(self) -> str:
        return f"{self.member_id} in {self.department_id}"


class Address(models.Model):
    """The one namespace: a `local@domain` is held by at most one member, alias, application or reserved name."""

    class Purpose(models.TextChoices):
        PRIMARY = "primary", _("Mailbox")
        ALIAS = "alias", _("Alias")
        HELD = "held", _("Applied for")
        RESERVED = "reserved", _("Reserved")

    # The domain's: checked there, and a second time it would only slow the writing down.
    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.CASCADE, related_name="addresses", db_index=False, db_constraint=False
    )
    domain = models.ForeignKey(Domain, on_delete=models.PROTECT, related_name="addresses", db_index=False)
    local = models.CharField(_("mailbox prefix"), max_length=64)
    purpose = models.CharField(max_length=16, choices=Purpose)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, null=True, related_name="addresses")
    held_for = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["domain", "local"], name="address_held_once"),
            models.UniqueConstraint(
                fields=["member"], condition=Q(purpose="primary"), name="address_one_primary_of_a_member"
            ),
            models.CheckConstraint(
                condition=Q(purpose__in=["primary", "alias"], member__isnull=False)
                | Q(purpose__in=["held", "reserved"], member__isnull=True),
                name="address_has_a_member_exactly_when_it_is_a_mailbox",
            ),
            models.CheckConstraint(condition=Q(local=Lower("local")), name="address_local_is_lower_case"),
        ]

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


class Invitation(models.Model):
    """One personal SMS link to one member. The token is known to the SMS alone; here lies its SHA-256."""

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="invitations")
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="invitations")
    number = models.PositiveIntegerField()
    token_digest = models.CharField(max_length=64, unique=True)
    phone = models.CharField(max_length=16)
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    # A member who joined asked for it, who must scan to sign in and can't any more.
    is_recovery = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "number"], name="invitation_number_unique_for_member"),
            models.UniqueConstraint(
                fields=["member"],
                condition=Q(superseded_at=None, used_at=None, revoked_at=None),
                name="invitation_one_living_for_member",
            ),
        ]

    def __str__(self) -> str:
        return f"invitation {self.number} of {self.member_id}"


class ActivationCode(models.Model):
    """What a member without a phone joins with. The code was shown once; here lies its keyed HMAC."""

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="activation_codes")
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="activation_codes")
    digest = models.CharField(max_length=64, unique=True)
    minted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member"],
                condition=Q(used_at=None, revoked_at=None),
                name="activation_code_one_living_for_member",
            ),
        ]

    def __str__(self) -> str:
        return f"activation code of {self.member_id}"

    @property
    def is_expired(self) -> bool:
        return timezone.now() >= self.expires_at


class Import(models.Model):
    """One uploaded workbook and all that came of it. Its row stays; file, cells and previous values go in time.

    `created` and `updated` count what is planned until the import is done, and what was done from then on.
    """

    class State(models.TextChoices):
        CHECKING = "checking", _("Being checked")
        READY = "ready", _("Ready to apply")
        APPLYING = "applying", _("Being applied")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    class Mode(models.TextChoices):
        CREATE = "create", _("Create new members only")
        UPDATE = "update", _("Create new members and update existing ones")

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
    # What directory.importing.columns made of the headings, and what was noticed while reading.
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

    # Whoever works on it, until when: a killed worker's import is taken over.
    lease = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = _("imports")
        indexes = [models.Index(fields=["enterprise", "-id"], name="import_by_age")]

    def __str__(self) -> str:
        return self.file_name

    @property
    def told_reason(self) -> str:
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
    def to_apply(self) -> int:
        return self.created + self.updated


class ImportRow(models.Model):
    """One row of an import: first what would become of it, then what did."""

    class Verdict(models.TextChoices):
        NEW = "new", _("New")
        CHANGED = "changed", _("Changed")
        UNCHANGED = "unchanged", _("Unchanged")
        REFUSED = "refused", _("Refused")
        LEFT_OUT = "left_out", _("Left out")
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


class BulkAction(models.Model):
    """One action on many members, done by a worker (directory.bulk_actions).

    Always total = done + left_out + not_reached.
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
        CANCELLED = "cancelled", _("Cancelled")
        FAILED = "failed", _("Failed")

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="bulk_actions", db_index=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    author_name = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=16, choices=State, default=State.WORKING)
    # Why it stopped; the English text, which is the key of its translations.
    reason = models.CharField(max_length=500, blank=True)
    # Of an export: what its headings are in, and the stem of the file's name below settings.EXPORT_DIR, "" without one.
    language = models.CharField(max_length=16)
    stored = models.CharField(max_length=32, blank=True)

    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    # Whoever has this id or a lesser one is settled.
    position = models.BigIntegerField(default=0)

    # Whoever works on it, until when: a killed worker's action is taken over.
    lease = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = _("bulk actions")
        indexes = [
            models.Index(fields=["enterprise", "-id"], name="bulk_action_by_age"),
            models.Index(fields=["enterprise", "id"], name="bulk_action_working", condition=Q(state="working")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.total}"

    @property
    def told_reason(self) -> str:
        """In the reader's language."""
        return gettext(self.reason) if self.reason else ""

    @property
    def settled(self) -> int:
        return self.done + self.left_out

    @property
    def not_reached(self) -> int:
        return self.total - self.settled


class BulkActionItem(models.Model):
    """One member of a bulk action who waits, or of whom there is something to tell. No name or phone stands here."""

    class Reason(models.TextChoices):
        IN_BIN = "in_bin", _("In the bin already")
        PRESENT = "present", _("Not in the bin any more")
        ERASED = "erased", _("Erased for good meanwhile")
        DISABLED = "disabled", _("Disabled already")
        NOT_DISABLED = "not_disabled", _("Not disabled")
        OUT_OF_REACH = "out_of_reach", _("Not in the departments of whoever started it any more")
        # Of who is back from the bin.
        WITHOUT_PHONE = "without_phone", _("Back without a phone, which another member has now")
        MOVED = "moved", _("Back in the root department, for theirs was deleted")

    REMARKS = (Reason.WITHOUT_PHONE, Reason.MOVED)

    # Only ever written beside the action, and a member's row is for ever: the database needn't look again.
    bulk_action = models.ForeignKey(
        BulkAction, on_delete=models.CASCADE, related_name="items", db_index=False, db_constraint=False
    )
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    # Blank: they wait.
    reason = models.CharField(max_length=16, choices=Reason, blank=True)
    # Who has their phone now.
    holder = models.ForeignKey(
        Member, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False, db_constraint=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bulk_action", "member", "reason"], name="bulk_action_item_once")
        ]

    def __str__(self) -> str:
        return f"member {self.member_id} in bulk action {self.bulk_action_id}"
