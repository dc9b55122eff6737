"""Quiet hours, in which an enterprise sends no batches; single invitations are sent at any hour."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from accounts.audit.recording import Actor, recording
from accounts.models import Enterprise
from invitations.models import QuietHours

Hours = tuple[time, time]


def hours_of(enterprise: Enterprise) -> Hours | None:
    hours = QuietHours.objects.filter(enterprise=enterprise).first()
    return (hours.begins, hours.ends) if hours else None


def set_quiet_hours(enterprise: Enterprise, hours: Hours | None, *, by: Actor) -> None:
    """Set the beginning and end, which must differ, or none with None; record it if anything differs."""
    with recording(enterprise, by=by) as record:
        before = hours_of(enterprise)
        if before == hours:
            return
        if hours:
            defaults = {"begins": hours[0], "ends": hours[1]}
            QuietHours.objects.update_or_create(enterprise=enterprise, defaults=defaults)
        else:
            QuietHours.objects.filter(enterprise=enterprise).delete()
        record("quiet_hours_set", enterprise, before=_audit_snapshot(before), after=_audit_snapshot(hours))


def quiet_until(enterprise: Enterprise) -> datetime | None:
    """Return the end of the current quiet hours in the enterprise's time zone, None if batches may be sent."""
    hours = hours_of(enterprise)
    if hours is None:
        return None
    begins, ends = hours
    now = timezone.now().astimezone(ZoneInfo(enterprise.time_zone))
    is_over_midnight = begins > ends
    at = now.time()
    is_quiet = at >= begins or at < ends if is_over_midnight else begins <= at < ends
    if not is_quiet:
        return None
    day = now.date() + timedelta(days=1) if is_over_midnight and at >= begins else now.date()
    return datetime.combine(day, ends, now.tzinfo)


def _audit_snapshot(hours: Hours | None) -> dict[str, str]:
    return {"from": hours[0].isoformat("minutes"), "until": hours[1].isoformat("minutes")} if hours else {}
