"""What an enterprise says of itself."""

from accounts.audit import Actor, recording
from accounts.models import Enterprise

EDITABLE = ("name", "language", "time_zone", "region")


def edit_enterprise(enterprise: Enterprise, *, by: Actor, **changes: str) -> None:
    """Change some of EDITABLE; nothing is written or recorded where nothing differs."""
    with recording(enterprise, by=by) as record:
        now = Enterprise.objects.get(pk=enterprise.pk)
        before = {field: getattr(now, field) for field in EDITABLE if getattr(now, field) != changes.get(field)}
        after = {field: changes[field] for field in before if field in changes}
        if not after:
            return
        Enterprise.objects.filter(pk=enterprise.pk).update(**after)
        record("enterprise_edited", now, before={field: before[field] for field in after}, after=after)
