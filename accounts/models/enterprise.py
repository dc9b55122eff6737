from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Enterprise(models.Model):
    """The tenant. No data is visible across enterprises."""

    class CodeRule(models.TextChoices):
        """Which joined members may sign in with a phone code; others always may."""

        EVERYONE = "everyone", _("All members")
        ABROAD = "abroad", _("Only numbers outside mainland China and members who joined before this rule")

    name = models.CharField(_("name"), max_length=64)
    region = models.CharField(_("phone number region"), max_length=2, default="CN")
    language = models.CharField(_("SMS language"), max_length=16, default="zh-hans")
    time_zone = models.CharField(_("time zone"), max_length=64, default="Asia/Shanghai")
    code_rule = models.CharField(_("phone code"), max_length=16, choices=CodeRule, default=CodeRule.EVERYONE)
    # Members who joined before this time are exempt from the rule.
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
