"""Change an enterprise's settings."""

from typing import Any

from django.utils import timezone

from accounts.audit.recording import Actor, recording
from accounts.models import Enterprise

EDITABLE = ("name", "language", "time_zone", "region", "code_rule")


def edit_enterprise(enterprise: Enterprise, *, by: Actor, **changes: str) -> None:
    """Change some of EDITABLE. Write and record nothing if no value differs.

    A new code rule applies to members who join from now on.
    """
    with recording(enterprise, by=by) as record:
        now = Enterprise.objects.get(pk=enterprise.pk)
        before = {field: getattr(now, field) for field in EDITABLE if getattr(now, field) != changes.get(field)}
        after = {field: changes[field] for field in before if field in changes}
        if not after:
            return
        since: dict[str, Any] = {}
        if "code_rule" in after:
            since["code_rule_since"] = timezone.now() if after["code_rule"] != Enterprise.CodeRule.EVERYONE else None
        Enterprise.objects.filter(pk=enterprise.pk).update(**after, **since)
        record("enterprise_edited", now, before={field: before[field] for field in after}, after=after)
