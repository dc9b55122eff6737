"""Create, edit and revoke named join links, which have their own department, domain, approval, expiry and cap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, recording
from accounts.models import Enterprise, Role
from directory.models import Department, Domain
from directory.names import clean_name
from invitations.access import named_links_of
from invitations.links.actions import LinkStatus, has_status, issue_link
from invitations.models import JoinLink


@dataclass(frozen=True)
class LinkInput:
    """What an administrator enters. None: as the joining settings say, or no expiry, or no cap."""

    name: str
    department: Department | None
    domain: Domain | None
    approval_required: bool | None
    expires_at: datetime | None
    uses_max: int | None


def add_link(enterprise: Enterprise, values: LinkInput, *, by: Actor) -> JoinLink:
    """Create a link. Raises ValidationError with a dict."""
    columns = _columns(values)
    try:
        with recording(enterprise, by=by) as record:
            link = issue_link(enterprise, by=by, **columns)
            record("join_link_added", link, after=_audit_snapshot(link))
    except IntegrityError:
        raise _name_taken() from None
    return link


def edit_link(link: JoinLink, values: LinkInput, *, by: Actor) -> None:
    """Change a link but not its token, so that posters stay valid. Raises ValidationError, also if it was revoked."""
    columns = _columns(values)
    try:
        with recording(link.enterprise, by=by) as record:
            link.refresh_from_db()
            if link.revoked_at:
                raise ValidationError(_("This link was just revoked."))
            before = _audit_snapshot(link)
            for column, value in columns.items():
                setattr(link, column, value)
            if _audit_snapshot(link) != before:
                link.save(update_fields=list(columns))
                record("join_link_edited", link, before=before, after=_audit_snapshot(link))
    except IntegrityError:
        raise _name_taken() from None


def revoke_link(link: JoinLink, *, by: Actor) -> None:
    """Revoke the link for good, and clear its department and domain, so that these can be deleted."""
    with recording(link.enterprise, by=by) as record:
        link.refresh_from_db()
        if link.revoked_at:
            return
        before = _audit_snapshot(link)
        link.revoked_at, link.department, link.domain = timezone.now(), None, None
        link.save(update_fields=["revoked_at", "department", "domain"])
        record("join_link_revoked", link, before=before)


def last_day_of(link: JoinLink) -> date | None:
    """Return the day at whose end the link expires, in the current time zone."""
    return timezone.localdate(link.expires_at - timedelta(microseconds=1)) if link.expires_at else None


def ending_links(role: Role) -> QuerySet[JoinLink]:
    """Return the links that can be used, but expire within LINK_ENDING_DAYS or are nearly used up.

    While joining is closed there are none: nobody misses them.
    """
    if not role.enterprise.is_joining_open:
        return named_links_of(role).none()
    ends_soon = Q(expires_at__lte=timezone.now() + timedelta(days=settings.LINK_ENDING_DAYS))
    is_nearly_full = Q(uses__gte=F("uses_max") * settings.LINK_ENDING_SHARE)
    return named_links_of(role).filter(has_status(LinkStatus.ACTIVE), ends_soon | is_nearly_full)


def _columns(values: LinkInput) -> dict[str, Any]:
    try:
        return {**vars(values), "name": clean_name(values.name)}
    except ValidationError as error:
        raise ValidationError({"name": error}) from None


def _name_taken() -> ValidationError:
    return ValidationError({"name": _("Another active link already has this name.")})


def _audit_snapshot(link: JoinLink) -> dict[str, Any]:
    return {
        "name": link.name,
        "department": link.department.name if link.department else "",
        "domain": link.domain.name if link.domain else "",
        "approval_required": link.approval_required,
        "expires_at": link.expires_at.astimezone(UTC).isoformat(timespec="minutes") if link.expires_at else "",
        "uses_max": link.uses_max,
    }
