"""Applying: somebody whose phone was proven asks for a place and an address, and gets or awaits it.

All is decided under the enterprise's lock, by the rules of that moment and not of the page that was shown; the
database's constraints have the last word.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, Record, recording
from accounts.models import Enterprise, User
from directory.domains.addresses import clean_prefix
from directory.joining.actions import join_member
from directory.members.actions import create_member
from directory.members.search_keys import keys_of
from directory.models import Address, Domain, Member
from directory.names import clean_name
from invitations.links.actions import LinkStatus, LinkUsedUp, status_of, use_link
from invitations.links.settings import is_approval_required, landing_department, landing_domain, notice_of, rules_of
from invitations.models import Application, JoinLink, JoinSettings

State = Application.State
# What may have changed since the page was shown.
LINK_RULES = ["revoked_at", "expires_at", "uses", "uses_max", "department", "domain", "approval_required"]


class AddressUnavailable(ValidationError):
    """Somebody has the wanted address, has applied for it, or nobody may have it; the public never learns which.

    A class of its own, because this answer counts as a check of an address."""

    def __init__(self) -> None:
        super().__init__({"prefix": _("This address is not available. Please choose another.")})


class ApplyLimited(Exception):
    """Too many applications. The text says so; `retry_after` is in seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LinkDead(Exception):
    """Joining was closed, or this link died, since the page was shown."""


class PhoneKnown(Exception):
    """This phone stands in the directory already, or its application waits."""


@dataclass(frozen=True)
class Wish:
    """What an applicant typed."""

    name: str
    prefix: str


@dataclass(frozen=True)
class Consent:
    """When the applicant agreed to a privacy notice, and to which (its id; None: the general text)."""

    at: datetime
    notice_id: int | None


def file_application(
    link: JoinLink, wish: Wish, *, phone: str, by: Actor, consent: Consent | None = None
) -> Application:
    """File it for this proven E.164 phone: it waits, its address held; without approval its member joins at once.

    Without a `consent` from before, filing is agreeing to the notice of this moment.

    Raises LinkDead, PhoneKnown, ApplyLimited, or ValidationError with messages that tell the public no holder.
    """
    wish = _clean(wish)
    try:
        with recording(link.enterprise, by=by) as record:
            link.enterprise.refresh_from_db()
            if link.pk:
                link.refresh_from_db(fields=LINK_RULES)
            return _file(link, wish, phone, by, record, consent)
    except LinkUsedUp:
        raise LinkDead from None
    except IntegrityError:
        raise AddressUnavailable from None


def withdraw_application(application: Application, *, by: Actor) -> bool:
    """Free the address it held; False if it was decided meanwhile."""
    with recording(application.enterprise, by=by) as record:
        application.refresh_from_db()
        if not application.is_pending:
            return False
        end_application(application, State.WITHDRAWN)
        record("application_withdrawn", application)
    return True


def end_application(application: Application, state: str, *, decided_by: User | None = None, reason: str = "") -> None:
    """Bring it into a state that is over and free the address it held, in the caller's transaction."""
    address, application.address = application.address, None
    application.state, application.reason = state, reason
    application.decided_at, application.decided_by = timezone.now(), decided_by
    application.save()
    if address:
        address.delete()


def member_with(phone: str, enterprise: Enterprise) -> Member | None:
    """Whoever has this phone in the directory, the bin aside."""
    members = Member.objects.select_related("enterprise", "main_department")
    return members.filter(enterprise=enterprise, phone=phone, deleted_at=None).first()


def waiting_application(phone: str, enterprise: Enterprise) -> Application | None:
    return Application.objects.filter(enterprise=enterprise, phone=phone, state=State.PENDING).first()


def is_available(prefix: str, domain: Domain) -> bool:
    """Nobody's, not applied for, not reserved; the public never learns which."""
    return not Address.objects.filter(domain=domain, local=prefix).exists()


def _clean(wish: Wish) -> Wish:
    errors: dict[str, ValidationError] = {}
    kept: dict[str, str] = {}
    for field, rule in {"name": clean_name, "prefix": clean_prefix}.items():
        try:
            kept[field] = rule(getattr(wish, field))
        except ValidationError as error:
            errors[field] = error
    if errors:
        raise ValidationError(errors)
    return Wish(**kept)


def _file(link: JoinLink, wish: Wish, phone: str, by: Actor, record: Record, consent: Consent | None) -> Application:
    enterprise = link.enterprise
    if status_of(link) != LinkStatus.ACTIVE:
        raise LinkDead
    if member_with(phone, enterprise) or waiting_application(phone, enterprise):
        raise PhoneKnown
    rules = rules_of(enterprise)
    is_pending = is_approval_required(link, rules)
    _refuse_beyond_limits(enterprise, phone, is_pending)
    domain = landing_domain(link, rules)
    if not is_available(wish.prefix, domain):
        raise AddressUnavailable
    keys, agreed = keys_of(wish.name, phone), consent or _consent_now(rules)
    application = Application(
        enterprise=enterprise,
        link=use_link(link),
        inviter=link.inviter,
        name=wish.name,
        phone=phone,
        prefix=wish.prefix,
        domain=domain,
        department=landing_department(link, rules),
        pinyin=keys.pinyin,
        initials=keys.initials,
        consented_at=agreed.at,
        consented_to_id=agreed.notice_id,
    )
    if is_pending:
        hold_address(application)
    else:
        _let_in(application, by)
    application.save(force_insert=True)
    record("application_filed", application, after=_told(application))
    return application


def _consent_now(rules: JoinSettings) -> Consent:
    notice = notice_of(rules)
    return Consent(timezone.now(), notice.pk if notice else None)


def hold_address(application: Application) -> None:
    """Keep the address from everyone else; raises IntegrityError if it is taken. The caller saves the application."""
    application.address = Address.objects.create(
        enterprise=application.enterprise,
        domain=application.domain,
        local=application.prefix,
        purpose=Address.Purpose.HELD,
        held_for=application.name[:64],
    )


def make_member(application: Application, *, by: Actor, is_inside: bool) -> Member:
    """The new member it asks for, joined by the phone it proved (`is_inside` as there). Raises ValidationError."""
    member = create_member(
        application.enterprise,
        by=by,
        origin=origin_of(application, by),
        name=application.name,
        prefix=application.prefix,
        domain=application.domain,
        phone=application.phone,
        departments=[application.department] if application.department else [],
    )
    join_member(member, phone=application.phone, by=by, is_inside=is_inside)
    return member


def origin_of(application: Application, by: Actor) -> dict[str, Any]:
    """How the member came in: by which link, invited and approved by whom."""
    inviter = application.inviter
    origin: dict[str, Any] = {"by": by.name, "link": application.link_id}
    return {**origin, "inviter": inviter.pk, "invited_by": inviter.name} if inviter else origin


def _let_in(application: Application, by: Actor) -> None:
    try:
        application.member = make_member(application, by=by, is_inside=True)
    except ValidationError as error:
        if not hasattr(error, "error_dict"):
            raise
        # What another holds would name the holder; the name alone is the applicant's own.
        if "name" in error.error_dict:
            raise ValidationError({"name": error.error_dict["name"]}) from None
        raise AddressUnavailable from None
    application.state, application.decided_at = State.APPROVED, timezone.now()


def _refuse_beyond_limits(enterprise: Enterprise, phone: str, is_pending: bool) -> None:
    day_ago = timezone.now() - timedelta(days=1)
    today = Application.objects.filter(phone=phone, created_at__gt=day_ago)
    if today.count() >= settings.APPLICATIONS_PER_DAY:
        raise ApplyLimited(_("You applied several times today. Please try again tomorrow."), 86400)
    waiting = Application.objects.filter(enterprise=enterprise, state=State.PENDING)
    if is_pending and waiting.count() >= settings.APPLICATIONS_PENDING:
        words = _("So many applications are waiting that no more can be taken at the moment. Please try again later.")
        raise ApplyLimited(words, 3600)


def _told(application: Application) -> dict[str, Any]:
    return {
        "name": application.name,
        "address": application.wanted_address,
        "phone": application.phone,
        "department": application.department.name if application.department else "",
        "invited_by": application.inviter.name if application.inviter else "",
        "state": application.state,
    }
