"""The ways in for people outside the directory: the enterprise's rules, its links, and who applied by them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Enterprise
from accounts.reasons import say_all
from directory.models import Address, Department, Domain, Invitation, Member


class JoinSettings(models.Model):
    """How people outside the directory join. The switch itself is Enterprise.is_joining_open.

    No department means the root, no domain the enterprise's default.
    """

    enterprise = models.OneToOneField(Enterprise, on_delete=models.CASCADE, related_name="join_settings")
    approval_required = models.BooleanField(_("an administrator approves each application"), default=True)
    default_department = models.ForeignKey(Department, on_delete=models.PROTECT, null=True, related_name="+")
    default_domain = models.ForeignKey(Domain, on_delete=models.PROTECT, null=True, related_name="+")
    privacy_notice = models.TextField(_("privacy notice"), max_length=4000, blank=True)

    class Meta:
        verbose_name_plural = _("joining settings")

    def __str__(self) -> str:
        return f"joining {self.enterprise_id}"


class PrivacyNotice(models.Model):
    """A text that applicants agreed to, kept as it was: each change of the joining settings' notice makes another.

    Where the settings' is blank applicants see the general one, which is part of this software and has no row.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="privacy_notices", db_index=False)
    number = models.PositiveIntegerField()
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["enterprise", "number"], name="privacy_notice_number_in_enterprise")
        ]

    def __str__(self) -> str:
        return f"privacy notice {self.number}"


class JoinLink(models.Model):
    """One link that many may open: the enterprise's own, a named one, or a colleague's.

    Its token must be shown again, so it lies sealed beside the SHA-256 it is found by. What a link leaves open
    (department, domain, approval) the settings say.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="join_links")
    name = models.CharField(_("name"), max_length=64, blank=True)
    inviter = models.ForeignKey(Member, on_delete=models.CASCADE, null=True, related_name="join_links")
    token_digest = models.CharField(max_length=64, unique=True)
    encrypted_token = models.TextField()
    department = models.ForeignKey(Department, on_delete=models.PROTECT, null=True, related_name="+")
    domain = models.ForeignKey(Domain, on_delete=models.PROTECT, null=True, related_name="+")
    approval_required = models.BooleanField(null=True)
    expires_at = models.DateTimeField(null=True)
    uses_max = models.PositiveIntegerField(null=True)
    uses = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = _("join links")
        constraints = [
            models.UniqueConstraint(
                fields=["enterprise"],
                condition=Q(name="", inviter=None, revoked_at=None),
                name="join_link_one_default_in_enterprise",
            ),
            models.UniqueConstraint(
                fields=["inviter"], condition=Q(revoked_at=None), name="join_link_one_living_of_a_colleague"
            ),
            models.UniqueConstraint(
                fields=["enterprise", "name"],
                condition=~Q(name="") & Q(revoked_at=None),
                name="join_link_name_unique_among_living",
            ),
        ]
        indexes = [models.Index(fields=["enterprise", "-id"], name="join_link_of_enterprise")]

    def __str__(self) -> str:
        return self.name or f"join link {self.pk}"


class Application(models.Model):
    """What somebody filed through a join link, their phone proven. While it waits, it holds its address."""

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting for approval")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    REASON_MAX = 200

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="applications", db_index=False)
    link = models.ForeignKey(JoinLink, on_delete=models.SET_NULL, null=True, related_name="applications")
    inviter = models.ForeignKey(Member, on_delete=models.SET_NULL, null=True, related_name="+")
    name = models.CharField(_("name"), max_length=64)
    phone = models.CharField(_("phone"), max_length=16)
    prefix = models.CharField(_("mailbox prefix"), max_length=64)
    domain = models.ForeignKey(Domain, on_delete=models.PROTECT, related_name="+")
    department = models.ForeignKey(Department, on_delete=models.SET_NULL, null=True, related_name="+")
    address = models.OneToOneField(Address, on_delete=models.RESTRICT, null=True, related_name="application")
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    pinyin = models.CharField(max_length=400)
    initials = models.CharField(max_length=64)
    consented_at = models.DateTimeField()
    consented_to = models.ForeignKey(PrivacyNotice, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(_("reason"), max_length=REASON_MAX, blank=True)
    member = models.ForeignKey(Member, on_delete=models.SET_NULL, null=True, related_name="applications")
    token_digest = models.CharField(max_length=64, null=True, unique=True)

    class Meta:
        verbose_name_plural = _("applications to join")
        constraints = [
            models.UniqueConstraint(
                fields=["enterprise", "phone"],
                condition=Q(state="pending"),
                name="application_phone_unique_among_pending",
            ),
            models.CheckConstraint(
                condition=Q(state="pending", address__isnull=False) | ~Q(state="pending") & Q(address__isnull=True),
                name="application_holds_an_address_exactly_while_it_waits",
            ),
        ]
        indexes = [
            models.Index(fields=["enterprise", "state", "-id"], name="application_by_state"),
            models.Index(fields=["phone", "created_at"], name="application_of_phone"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def wanted_address(self) -> str:
        """As it was applied for, or as the approval will make it."""
        return f"{self.prefix}@{self.domain}"

    @property
    def own_address(self) -> str:
        """Where the applicant's mail arrives: who joined as a member the directory had already keeps that address."""
        if self.member is None:
            return self.wanted_address
        primary = self.member.addresses.filter(purpose=Address.Purpose.PRIMARY).select_related("domain").first()
        return str(primary or self.wanted_address)

    @property
    def is_pending(self) -> bool:
        return self.state == self.State.PENDING


class Decision(models.Model):
    """One verdict on many applications, carried out in the background; see invitations.deciding_many."""

    class Verdict(models.TextChoices):
        APPROVED = "approved", _("Approve")
        REJECTED = "rejected", _("Reject")

    class State(models.TextChoices):
        WORKING = "working", _("Being decided")
        DONE = "done", _("Done")

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="decisions", db_index=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    author_name = models.CharField(max_length=64)
    verdict = models.CharField(max_length=16, choices=Verdict)
    reason = models.CharField(max_length=Application.REASON_MAX, blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.WORKING)
    total = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["enterprise", "-id"], name="decision_of_enterprise")]

    def __str__(self) -> str:
        return f"decision {self.pk}"


class DecisionItem(models.Model):
    """One application of a decision on many: waiting until it is decided or there is a reason to leave it out."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Done")
        LEFT_OUT = "left_out", _("Left out")

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="items", db_index=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    # Each as accounts.reasons keeps it.
    why = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["decision", "application"], name="decision_item_once")]
        indexes = [models.Index(fields=["decision", "state", "id"], name="decision_item_by_state")]

    def __str__(self) -> str:
        return f"application {self.application_id} in decision {self.decision_id}"

    @property
    def reason(self) -> str:
        """In the reader's language."""
        return say_all(self.why)


class InvitationBatch(models.Model):
    """A batch of personal invitations, sent in the background; see invitations.batches."""

    class State(models.TextChoices):
        SENDING = "sending", _("Being sent")
        DONE = "done", _("Done")

    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.CASCADE, related_name="invitation_batches", db_index=False
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    author_name = models.CharField(max_length=64)
    # Whom it was meant for, in the author's words and language.
    about = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.SENDING)
    total = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["enterprise", "-id"], name="invitation_batch_of_enterprise")]

    def __str__(self) -> str:
        return f"invitation batch {self.pk}"


class QuietHours(models.Model):
    """When an enterprise sends no batches, in its own zone; it may reach over midnight. No row: they go at any hour."""

    enterprise = models.OneToOneField(Enterprise, on_delete=models.CASCADE, related_name="quiet_hours")
    begins = models.TimeField()
    ends = models.TimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(begins=F("ends")), name="quiet_hours_leave_some")]

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}–{self.ends:%H:%M}"


class Recipient(models.Model):
    """One member of a batch: waiting until there is an invitation or a reason to leave them out."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Invited")
        LEFT_OUT = "left_out", _("Left out")

    batch = models.ForeignKey(InvitationBatch, on_delete=models.CASCADE, related_name="recipients", db_index=False)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="batch_recipients", db_index=False)
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    invitation = models.ForeignKey(Invitation, on_delete=models.SET_NULL, null=True, related_name="+")
    # Each as accounts.reasons keeps it.
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
        """In the reader's language."""
        return say_all(self.why)
