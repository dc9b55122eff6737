"""Members, their departments, and the common namespace of addresses."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, models
from django.db.models import Func, OuterRef, Q, Subquery
from django.db.models.expressions import RawSQL
from django.db.models.functions import Left, Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Enterprise
from directory.models.departments import Department
from directory.models.domains import Domain
from directory.models.lookups import IN_BIN, LAST_CHARACTER, PRESENT, any_of, begins


class MemberQuerySet(models.QuerySet["Member"]):
    def present(self) -> MemberQuerySet:
        """Return the members who are neither in the bin nor erased."""
        return self.filter(PRESENT)

    def in_bin(self) -> MemberQuerySet:
        """Return the deleted members who can be restored."""
        return self.filter(IN_BIN)

    def under(self, *departments: Department) -> MemberQuerySet:
        """Return the members of these departments and of all below."""
        return self.filter(pk__in=_memberships_under(departments).values("member"))

    def asked_under(self, department: Department) -> MemberQuerySet:
        """Return the same as `under`, by a condition on each member. Use it for a page of a large department's list.

        With `under` PostgreSQL reads all members of the department to sort them.
        """
        if connection.vendor != "postgresql":
            return self.under(department)
        memberships = Membership.objects.filter(_is_below(department), member=OuterRef("pk"))
        return self.alias(found=Subquery(memberships.values("department")[:1])).filter(found__isnull=False)


def _is_below(department: Department) -> RawSQL:
    """Collect the subtree's ids once instead of joining departments for each row."""
    return RawSQL(
        "department_id = ANY(ARRAY(SELECT id FROM directory_department WHERE path >= %s AND path < %s))",
        [department.path, department.path + LAST_CHARACTER],
        output_field=models.BooleanField(),
    )


def _memberships_under(departments: Iterable[Department]) -> models.QuerySet[Any]:
    return Membership.objects.filter(any_of(begins("department__path", one.path) for one in departments))


class InviterId(Func):
    """The id of the member who invited this one, as text, from `origin`; NULL for those who were not invited."""

    output_field = models.CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="CAST(json_extract(%(expressions)s, '$.inviter') AS text)")

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="(%(expressions)s ->> 'inviter')")


class Member(models.Model):
    """A person in the directory. `user` counts only while both phones are equal (product.md, "Who is who").

    A user made by an activation code has no phone and counts while the member is activated by code; the member's own
    phone, if any, is then not verified.
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
    # Optional text fields and their labels. An erasure empties them.
    DETAILS = {"position": _("Position")}

    # Without a constraint, because departments have one; without an index, because those below start with it.
    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.CASCADE, related_name="members", db_index=False, db_constraint=False
    )
    name = models.CharField(_("name"), max_length=64)
    account = models.CharField(_("account"), max_length=64)
    # E.164 from sms.phones; PhoneNumberField would parse each number again whenever a list is loaded.
    phone = models.CharField(_("phone"), max_length=16, null=True, blank=True)
    position = models.CharField(_("position"), max_length=128, blank=True)
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.PENDING)
    activation = models.CharField(_("activation"), max_length=16, choices=Activation, default=Activation.PHONE)
    # Without a constraint, because memberships have one.
    main_department = models.ForeignKey(
        Department, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    departments: models.ManyToManyField[Department, models.Model] = models.ManyToManyField(
        Department, through="Membership", related_name="members"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="members", db_index=False
    )

    # Sort and search keys (directory.members.search_keys).
    pinyin = models.CharField(max_length=400)
    initials = models.CharField(max_length=64)
    folded_name = models.CharField(max_length=128)
    phone_reversed = models.CharField(max_length=16, null=True)

    origin = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    invited_at = models.DateTimeField(null=True)
    joined_at = models.DateTimeField(null=True)
    last_entered_at = models.DateTimeField(null=True)
    # When and by whom the member was put in the bin. An erased row has only its id left (directory.members.erasure).
    deleted_at = models.DateTimeField(null=True)
    deleted_by = models.CharField(max_length=64, blank=True, default="", db_default="")
    erased_at = models.DateTimeField(null=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("enterprise", Lower("account"), name="member_account_unique_in_enterprise"),
            # The phone comes first because it is also looked up across all enterprises.
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
                | Q(deleted_at__isnull=False, name="", phone=None, position="", pinyin="", folded_name="", user=None),
                name="member_erased_has_nothing_left",
            ),
        ]
        # Conditional, so that deleted and erased members don't slow the list down.
        indexes = [
            models.Index(fields=["enterprise", "pinyin", "id"], name="member_by_pinyin", condition=PRESENT),
            models.Index(fields=["enterprise", "initials", "id"], name="member_by_initials", condition=PRESENT),
            models.Index(
                "enterprise",
                Left("folded_name", 1),
                "pinyin",
                "id",
                name="member_by_first_character",
                condition=PRESENT,
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
            models.Index(InviterId("origin"), name="member_by_inviter"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def details(self) -> list[tuple[str, str]]:
        """Return label and text of each of DETAILS that isn't blank."""
        return [(str(label), text) for name, label in self.DETAILS.items() if (text := getattr(self, name))]

    @property
    def tone(self) -> str:
        """The colour of the badge that shows the status."""
        joined = {self.Status.ACTIVE: "good", self.Status.DISABLED: "neutral"}
        return joined.get(self.Status(self.status), "accent" if self.invited_at else "warn")

    @property
    def days_left(self) -> int:
        """Days until a member in the bin is erased, rounded up."""
        if not self.deleted_at:
            return settings.MEMBER_BIN_DAYS
        left = self.deleted_at + timedelta(days=settings.MEMBER_BIN_DAYS) - timezone.now()
        return max(0, math.ceil(left / timedelta(days=1)))

    @property
    def has_joined_user(self) -> bool:
        """True if both phones are equal, or the user was made by an activation code and has no phone."""
        if not self.user or not self.user.is_active:
            return False
        return self.has_user_by_code or bool(self.phone and str(self.user.phone) == self.phone)

    @property
    def has_user_by_code(self) -> bool:
        """True if they joined with an activation code: the user has a login and a password, but no phone."""
        return self.activation == self.Activation.CODE and self.user is not None and self.user.phone is None


class Reading(models.Model):
    """Another reading of a member's name: 单 as dan, 乐 as yue, or the later words of a Latin name."""

    # Without constraints, because readings are only used joined with their member.
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

    # Without a constraint, because a membership is only used joined with its member, and a check costs as much as the
    # insert.
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
    """An address: `local@domain` is held by at most one mailbox, alias, application or reserved name."""

    class Purpose(models.TextChoices):
        PRIMARY = "primary", _("Mailbox")
        ALIAS = "alias", _("Alias")
        HELD = "held", _("Pending request")
        RESERVED = "reserved", _("Reserved")

    # Without a constraint, because domains have one.
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
