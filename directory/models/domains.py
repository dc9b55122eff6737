"""Mail domains."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Enterprise


class Domain(models.Model):
    """A mail domain, unique in the deployment, and the servers of its mailboxes."""

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
