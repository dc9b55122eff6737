"""Named join links: each with its own department, domain, approval, expiry and cap; made, edited, revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, recording
from accounts.models import Enterprise
from directory.models import Department, Domain
from directory.names import clean_name
from invitations.links.actions import issue_link
from invitations.models import JoinLink


@dataclass(frozen=True)
class LinkInput:
    """What an administrator says of a link. None leaves it to the joining settings, or means without end or cap."""

    name: str
    department: Department | None
    domain: Domain | None
    approval_required: bool | None
    expires_at: datetime | None
    uses_max: int | None


def add_link(enterprise: Enterprise, facts: LinkInput, *, by: Actor) -> JoinLink:
    """Raises ValidationError for `name`."""
    columns = _columns(facts)
    try:
        with recording(enterprise, by=by) as record:
            link = issue_link(enterprise, by=by, **columns)
            record("join_link_added", link, after=_told(link))
    except IntegrityError:
        raise _name_taken() from None
    return link


def edit_link(link: JoinLink, facts: LinkInput, *, by: Actor) -> None:
    """Keep the token: posters stay valid and follow the new rules. Raises ValidationError, for a revoked link too."""
    columns = _columns(facts)
    try:
        with recording(link.enterprise, by=by) as record:
            link.refresh_from_db()
            if link.revoked_at:
                raise ValidationError(_("This link was revoked meanwhile."))
            before = _told(link)
            for column, value in columns.items():
                setattr(link, column, value)
            if _told(link) != before:
                link.save(update_fields=list(columns))
                record("join_link_edited", link, before=before, after=_told(link))
    except IntegrityError:
        raise _name_taken() from None


def revoke_link(link: JoinLink, *, by: Actor) -> None:
    """Dead at once and for good. It lets go of its department and domain, which may then be deleted."""
    with recording(link.enterprise, by=by) as record:
        link.refresh_from_db()
        if link.revoked_at:
            return
        before = _told(link)
        link.revoked_at, link.department, link.domain = timezone.now(), None, None
        link.save(update_fields=["revoked_at", "department", "domain"])
        record("join_link_revoked", link, before=before)


def last_day_of(link: JoinLink) -> date | None:
    """The day at whose end it expires, in the zone in force."""
    return timezone.localdate(link.expires_at - timedelta(microseconds=1)) if link.expires_at else None


def _columns(facts: LinkInput) -> dict[str, Any]:
    try:
        return {**vars(facts), "name": clean_name(facts.name)}
    except ValidationError as error:
        raise ValidationError({"name": error}) from None


def _name_taken() -> ValidationError:
    return ValidationError({"name": _("Another living link bears this name.")})


def _told(link: JoinLink) -> dict[str, Any]:
    return {
        "name": link.name,
        "department": link.department.name if link.department else "",
        "domain": link.domain.name if link.domain else "",
        "approval_required": link.approval_required,
        "expires_at": link.expires_at.astimezone(UTC).isoformat(timespec="minutes") if link.expires_at else "",
        "uses_max": link.uses_max,
    }
