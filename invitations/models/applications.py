"""Applications to join, and decisions on many of them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Enterprise
from core.leased_jobs import LeasedJob
from core.translatable import render_messages
from directory.models import Address, Department, Domain, Member
from invitations.models.links import JoinLink, PrivacyNotice


class Application(models.Model):
    """An application filed by a join link with a verified phone number. While pending it holds its address."""

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
    folded_name = models.CharField(max_length=128)
    consented_at = models.DateTimeField()
    consented_to = models.ForeignKey(PrivacyNotice, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(_("reason"), max_length=REASON_MAX, blank=True)
    member = models.ForeignKey(Member, on_delete=models.SET_NULL, null=True, related_name="applications")
    token_digest = models.CharField(max_length=64, null=True, unique=True)

    class Meta:
        verbose_name_plural = _("join requests")
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
            models.Index(
                fields=["decided_at"],
                name="application_not_admitted",
                condition=Q(state__in=["rejected", "withdrawn"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def may_be_replaced(self) -> bool:
        """True if the applicant may apply again."""
        return self.state in {self.State.REJECTED, self.State.WITHDRAWN}

    @property
    def wanted_address(self) -> str:
        """The address that the applicant gets on approval."""
        return f"{self.prefix}@{self.domain}"

    @property
    def own_address(self) -> str:
        """The applicant's mailbox: that of the member they joined as, who may have had another address before."""
        if self.member is None:
            return self.wanted_address
        primary = self.member.addresses.filter(purpose=Address.Purpose.PRIMARY).select_related("domain").first()
        return str(primary or self.wanted_address)

    @property
    def is_pending(self) -> bool:
        return self.state == self.State.PENDING


class Decision(LeasedJob):
    """One verdict on many applications, worked on in the background (invitations.applications.decide_job)."""

    class Verdict(models.TextChoices):
        APPROVED = "approved", _("Approve")
        REJECTED = "rejected", _("Reject")

    class State(models.TextChoices):
        WORKING = "working", _("In progress")
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

    @property
    def count_text(self) -> str:
        """Return the verdict and the number of applications chosen, for example "3 applications … approved: "."""
        n = self.total
        if self.verdict == self.Verdict.APPROVED:
            text = ngettext(
                "%(n)s join request selected for approval: ", "%(n)s join requests selected for approval: ", n
            )
        else:
            text = ngettext(
                "%(n)s join request selected for rejection: ", "%(n)s join requests selected for rejection: ", n
            )
        return text % {"n": n}


class DecisionItem(models.Model):
    """One application of a decision: waiting, decided, or skipped for a reason."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Done")
        LEFT_OUT = "left_out", _("Skipped")

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="items", db_index=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    # Serialized messages of core.translatable.
    why = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["decision", "application"], name="decision_item_once")]
        indexes = [models.Index(fields=["decision", "state", "id"], name="decision_item_by_state")]

    def __str__(self) -> str:
        return f"application {self.application_id} in decision {self.decision_id}"

    @property
    def reason(self) -> str:
        """The reason in the reader's language."""
        return render_messages(self.why)
