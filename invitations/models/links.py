"""Joining settings and join links."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Enterprise
from directory.models import Department, Domain, Member


class JoinSettings(models.Model):
    """How people outside the directory join, while Enterprise.is_joining_open.

    Without a default department it is the root; without a default domain, the enterprise's default domain.
    """

    enterprise = models.OneToOneField(Enterprise, on_delete=models.CASCADE, related_name="join_settings")
    approval_required = models.BooleanField(_("approval by an administrator required"), default=True)
    default_department = models.ForeignKey(Department, on_delete=models.PROTECT, null=True, related_name="+")
    default_domain = models.ForeignKey(Domain, on_delete=models.PROTECT, null=True, related_name="+")
    privacy_notice = models.TextField(_("privacy notice"), max_length=4000, blank=True)

    class Meta:
        verbose_name_plural = _("join settings")

    def __str__(self) -> str:
        return f"joining {self.enterprise_id}"


class PrivacyNotice(models.Model):
    """A version of the privacy notice that applicants agreed to; each change in the joining settings adds one.

    The general notice, shown if the settings have none, is part of the templates and has no row.
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
    """A link by which many can join: the enterprise's default link, a named one, or a member's for their colleagues.

    The token is stored encrypted, to be shown again, beside the SHA-256 by which it is found. Department, domain and
    approval default to the joining settings.
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
                fields=["inviter"], condition=Q(revoked_at=None), name="join_link_one_active_of_a_colleague"
            ),
            models.UniqueConstraint(
                fields=["enterprise", "name"],
                condition=~Q(name="") & Q(revoked_at=None),
                name="join_link_name_unique_among_active",
            ),
        ]
        indexes = [models.Index(fields=["enterprise", "-id"], name="join_link_of_enterprise")]

    def __str__(self) -> str:
        return self.name or f"join link {self.pk}"
