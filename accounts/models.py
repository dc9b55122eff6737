"""Enterprises, users, their roles, and the log of what they did."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from phonenumber_field.modelfields import PhoneNumberField

LOGIN_MAX = 318


class Enterprise(models.Model):
    """The tenant. Nothing is ever visible across two."""

    class CodeRule(models.TextChoices):
        """Who of those who joined may sign in with a phone code; whoever has not joined always may."""

        EVERYONE = "everyone", _("Every member")
        ABROAD = "abroad", _("Only numbers outside mainland China, and accounts from before this rule")

    name = models.CharField(_("name"), max_length=64)
    region = models.CharField(_("phone region"), max_length=2, default="CN")
    language = models.CharField(_("language of messages"), max_length=16, default="zh-hans")
    time_zone = models.CharField(_("time zone"), max_length=64, default="Asia/Shanghai")
    code_rule = models.CharField(_("phone code"), max_length=16, choices=CodeRule, default=CodeRule.EVERYONE)
    # Since when the rule holds: who joined before keeps the code.
    code_rule_since = models.DateTimeField(null=True)
    is_joining_open = models.BooleanField(default=False)
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(code_rule="everyone", code_rule_since=None)
                | Q(code_rule="abroad", code_rule_since__isnull=False),
                name="enterprise_rule_on_codes_holds_since_a_time",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """The way to a new user: by login and password, or by a proven phone."""

    def create_user(
        self,
        *,
        login: str | None = None,
        password: str | None = None,
        phone: str | None = None,
        name: str = "",
    ) -> User:
        """Either `login` or `phone` (E.164, already proven by a code) must be given."""
        user = self.model(login=login.lower() if login else None, phone=phone, name=name)
        user.set_password(password) if password else user.set_unusable_password()
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(login=(username or "").lower())


class User(AbstractBaseUser):
    """A person who signs in: known by a verified phone, or by a login with a password; may serve several."""

    # A login of one's own choosing, or a mailbox address: 64 signs, @, and a domain of 253.
    login = models.CharField(_("login"), max_length=LOGIN_MAX, null=True, unique=True)
    phone = PhoneNumberField(_("phone"), null=True, unique=True)
    name = models.CharField(_("name"), max_length=64, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()
    USERNAME_FIELD = "login"

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(login=Lower("login")), name="user_login_is_lower_case"),
            models.CheckConstraint(
                condition=Q(login__isnull=False) | Q(phone__isnull=False), name="user_has_login_or_phone"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.login or f"user {self.pk}"


class Role(models.Model):
    """What a user may do in an enterprise; declared from most to least."""

    class Name(models.TextChoices):
        OWNER = "owner", _("Owner")
        ADMIN = "admin", _("Administrator")
        DEPARTMENT_ADMIN = "department_admin", _("Department administrator")
        AUDITOR = "auditor", _("Auditor")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="roles")
    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="roles")
    name = models.CharField(max_length=16, choices=Name)
    last_entered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "enterprise"], name="role_one_in_an_enterprise"),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.name}"


class AuditChain(models.Model):
    """Where an enterprise's chain ends. Its row is the lock every recorded change takes first, so that no two
    changes of an enterprise interleave and a cut tail shows."""

    enterprise = models.OneToOneField(Enterprise, on_delete=models.CASCADE, related_name="audit_chain")
    length = models.PositiveBigIntegerField(default=0)
    head = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.length} events"


class AuditEvent(models.Model):
    """One change: who, what, before and after, when, from where. Append-only; see accounts.audit.

    `personal` ({"salt", "actor", "target", "before", "after"}) is the one erasable column; the chain covers
    `personal_digest`. There is no key of its own beside the number, for it would be a column the chain can't cover.
    """

    pk = models.CompositePrimaryKey("enterprise_id", "number")
    enterprise = models.ForeignKey(Enterprise, on_delete=models.PROTECT, related_name="audit_events")
    number = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    actor_user_id = models.BigIntegerField(null=True)
    role = models.CharField(max_length=16, blank=True)
    via = models.CharField(max_length=16)
    ip = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=200, blank=True)
    request_id = models.CharField(max_length=36, blank=True)
    action = models.CharField(max_length=40)
    target_type = models.CharField(max_length=40)
    target_id = models.CharField(max_length=40)
    personal: models.JSONField[Any, Any] = models.JSONField(null=True)
    personal_digest = models.CharField(max_length=64)
    previous = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(digest=F("previous")), name="audit_event_digest_moves_on"),
        ]
        # One for each thing the list is narrowed by, in its order; names have theirs in 0006_audit_page.
        indexes = [
            models.Index(fields=["enterprise", "action", "number"], name="audit_event_by_action"),
            models.Index(fields=["enterprise", "actor_user_id", "number"], name="audit_event_by_actor"),
            models.Index(fields=["enterprise", "target_id", "number"], name="audit_event_by_target"),
            models.Index(fields=["enterprise", "target_type", "number"], name="audit_event_by_target_type"),
            models.Index(fields=["enterprise", "via", "number"], name="audit_event_by_via"),
            models.Index(fields=["enterprise", "at", "number"], name="audit_event_by_time"),
            models.Index(fields=["enterprise", "request_id"], name="audit_event_by_request"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.action}"


class AuditCheck(models.Model):
    """How far an enterprise's chain has been followed, and what was found: from the first event where a person asks and
    every AUDIT_WHOLE_CHECK_DAYS, else each hour from where the last check ended.

    `number` and `head` are where the check stands, `length` where the chain ended when it began. `proven_…` is the end
    of the last check that found nothing: a log cut back together with its AuditChain row is shorter than that.
    `whole_at`: when one last began at the first event.
    """

    enterprise = models.OneToOneField(Enterprise, on_delete=models.CASCADE, related_name="audit_check")
    length = models.PositiveBigIntegerField(default=0)
    number = models.PositiveBigIntegerField(default=0)
    head = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField()
    whole_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    broken_number = models.PositiveBigIntegerField(null=True)
    why = models.CharField(max_length=100, blank=True)
    proven_number = models.PositiveBigIntegerField(default=0)
    proven_head = models.CharField(max_length=64, blank=True)
    # Whoever works on it, until when: a killed worker's check is taken over.
    lease = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.number} of {self.length} events"

    @property
    def state(self) -> str:
        if self.finished_at is None:
            return "running"
        return "whole" if self.broken_number is None else "broken"


class AttemptCounter(models.Model):
    """How passwords fare for a login, a browser that once knew it, or an address; see accounts.throttle."""

    key = models.CharField(max_length=64, unique=True)
    failures = models.PositiveIntegerField(default=0)
    wait_until = models.DateTimeField(null=True)
    touched_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.failures} failures"


class KnownBrowser(models.Model):
    """A browser in which a user was inside an enterprise; see accounts.known_browsers."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="known_browsers")
    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=64, unique=True)
    seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"a browser of {self.user_id} in {self.enterprise_id}"


def new_qr_token() -> str:
    """128 bits in 22 signs (ASVS 11.5.1)."""
    return secrets.token_urlsafe(16)


def new_qr_number() -> str:
    return f"{secrets.randbelow(100):02}"


class QrSignIn(models.Model):
    """One QR code that a desktop shows: new → scanned → approved → claimed, or declined, or expired.

    Whoever reads the code knows `token`; only the browser that asked for it knows the secret whose SHA-256 is
    `browser`. Each state has its own time: once `expires_at` is past, the state counts as expired whatever it says.
    See accounts.sign_in_by_qr and accounts.approving_by_qr.
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
    # Who scanned it, how often they typed a number, and in which session and enterprise they approved.
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    tries = models.PositiveSmallIntegerField(default=0)
    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, null=True, related_name="+")
    session_key = models.CharField(max_length=40, blank=True)
    approved_with = models.CharField(max_length=200, blank=True)
    # The desktop's session, once claimed and as long as it lives.
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
        """Whether it died of wrong numbers."""
        return self.tries >= settings.ACCOUNTS_QR_NUMBER_TRIES and self.state == self.State.EXPIRED


class ScannedSession(models.Model):
    """A session opened by scanning a QR code: what approved it, and whether its person has seen that it is there."""

    session = models.OneToOneField(
        "usersessions.UserSession", on_delete=models.CASCADE, primary_key=True, related_name="scanned"
    )
    approved_with = models.CharField(max_length=200, blank=True)
    is_known = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"session {self.pk}"
