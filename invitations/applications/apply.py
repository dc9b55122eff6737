"""An applicant's actions on applications: file one by a join link, withdraw it; and what every decision does to one.

The settings and the link are read again under the enterprise's lock, because they may have changed since the page was
shown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, Record, recording
from accounts.models import Enterprise, User
from core.counters import free_at, seconds_until, try_again_text
from core.text_rules import clean_fields
from directory.admission import admit_person, member_with_phone
from directory.domains.addresses import clean_prefix
from directory.members.search_keys import keys_of
from directory.models import Address, Domain, Member
from directory.names import clean_name
from invitations.links.actions import LinkStatus, LinkUsedUp, status_of, use_link
from invitations.links.settings import is_approval_required, landing_department, landing_domain, notice_of, rules_of
from invitations.models import Application, JoinLink, JoinSettings

State = Application.State
DAY_SECONDS = 86_400
# The columns of a link that may have changed since the page was shown.
LINK_RULES = ["revoked_at", "expires_at", "uses", "uses_max", "department", "domain", "approval_required"]


class AddressUnavailable(ValidationError):
    """The address is held or reserved; applicants must not learn which."""

    def __init__(self) -> None:
        super().__init__({"prefix": _("This address isn't available. Choose another one.")})


class ApplyLimited(Exception):
    """Too many applications, or checks of an address. The message is for the applicant; `retry_after` in seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LinkDead(Exception):
    """The link no longer lets people in: joining is closed, or it has expired, was revoked or used up."""


class PhoneKnown(Exception):
    """A member or a pending application has this phone number."""


@dataclass(frozen=True)
class ApplicationInput:
    """What an applicant enters."""

    name: str
    prefix: str

    def cleaned(self) -> Self:
        """Return a copy with name and prefix cleaned. Raises ValidationError for both fields at once."""
        cleaned = clean_fields({"name": clean_name, "prefix": clean_prefix}, name=self.name, prefix=self.prefix)
        return replace(self, **cleaned)


@dataclass(frozen=True)
class Consent:
    """When the applicant agreed to which privacy notice: its id, or None for the general text."""

    at: datetime
    notice_id: int | None


def file_application(
    link: JoinLink, typed: ApplicationInput, *, phone: str, by: Actor, consent: Consent | None = None
) -> Application:
    """File an application for this verified E.164 number, and hold its address while it is pending.

    If no approval is required, the applicant joins at once. Without `consent`, filing is consent to the current notice.
    Raises LinkDead, PhoneKnown, ApplyLimited, and ValidationError, whose messages never name the holder of an address.
    """
    typed = typed.cleaned()
    try:
        with recording(link.enterprise, by=by) as record:
            link.enterprise.refresh_from_db()
            if link.pk:
                link.refresh_from_db(fields=LINK_RULES)
            return _file(link, typed, phone, record, consent)
    except LinkUsedUp:
        raise LinkDead from None
    except IntegrityError:
        raise AddressUnavailable from None


def withdraw_application(application: Application, *, by: Actor) -> bool:
    """Withdraw the application and free its address; return False if it has been decided already."""
    with recording(application.enterprise, by=by) as record:
        application.refresh_from_db()
        if not application.is_pending:
            return False
        end_application(application, State.WITHDRAWN)
        record("application_withdrawn", application)
    return True


def end_application(application: Application, state: str, *, decided_by: User | None = None, reason: str = "") -> None:
    """Save the application in a final state and free the address it holds, in the caller's transaction."""
    address, application.address = application.address, None
    application.state, application.reason = state, reason
    application.decided_at, application.decided_by = timezone.now(), decided_by
    application.save()
    if address:
        address.delete()


def pending_application(enterprise: Enterprise, phone: str) -> Application | None:
    return Application.objects.filter(enterprise=enterprise, phone=phone, state=State.PENDING).first()


def is_available(prefix: str, domain: Domain) -> bool:
    """Return True if the address is neither held nor reserved."""
    return not Address.objects.filter(domain=domain, local=prefix).exists()


def hold_address(application: Application) -> None:
    """Reserve the address that the application names. Raises IntegrityError if it is held; saves no application."""
    application.address = Address.objects.create(
        enterprise=application.enterprise,
        domain=application.domain,
        local=application.prefix,
        purpose=Address.Purpose.HELD,
        held_for=application.name[:64],
    )


def admit_applicant(
    application: Application, *, record: Record, is_entering: bool, decided_by: User | None = None
) -> Member:
    """Approve the application, in the transaction of `record`: free its address and let the applicant join.

    Raises ValidationError as `admit_person` does.
    """
    end_application(application, State.APPROVED, decided_by=decided_by)
    application.member = admit_person(
        record,
        origin=_origin_of(application, record.by),
        is_entering=is_entering,
        name=application.name,
        prefix=application.prefix,
        domain=application.domain,
        phone=application.phone,
        departments=[application.department] if application.department else [],
    )
    application.save(update_fields=["member"])
    return application.member


def _file(link: JoinLink, typed: ApplicationInput, phone: str, record: Record, consent: Consent | None) -> Application:
    enterprise = link.enterprise
    if status_of(link) != LinkStatus.ACTIVE:
        raise LinkDead
    if member_with_phone(enterprise, phone) or pending_application(enterprise, phone):
        raise PhoneKnown
    rules = rules_of(enterprise)
    needs_approval = is_approval_required(link, rules)
    _check_limits(enterprise, phone, needs_approval)
    domain = landing_domain(link, rules)
    if not is_available(typed.prefix, domain):
        raise AddressUnavailable
    keys, agreed = keys_of(typed.name, phone), consent or _consent_now(rules)
    application = Application(
        enterprise=enterprise,
        link=use_link(link),
        inviter=link.inviter,
        name=typed.name,
        phone=phone,
        prefix=typed.prefix,
        domain=domain,
        department=landing_department(link, rules),
        pinyin=keys.pinyin,
        initials=keys.initials,
        folded_name=keys.folded_name,
        consented_at=agreed.at,
        consented_to_id=agreed.notice_id,
    )
    hold_address(application)
    application.save(force_insert=True)
    if not needs_approval:
        _admit_at_once(application, record)
    record("application_filed", application, after=_audit_snapshot(application))
    return application


def _consent_now(rules: JoinSettings) -> Consent:
    notice = notice_of(rules)
    return Consent(timezone.now(), notice.pk if notice else None)


def _origin_of(application: Application, by: Actor) -> dict[str, Any]:
    inviter = application.inviter
    origin: dict[str, Any] = {"by": by.name, "link": application.link_id}
    return {**origin, "inviter": inviter.pk, "invited_by": inviter.name} if inviter else origin


def _admit_at_once(application: Application, record: Record) -> None:
    try:
        admit_applicant(application, record=record, is_entering=True)
    except ValidationError as error:
        if not hasattr(error, "error_dict"):
            raise
        # Errors on other fields name the holder of an address, which the public must not learn.
        if "name" in error.error_dict:
            raise ValidationError({"name": error.error_dict["name"]}) from None
        raise AddressUnavailable from None


def _check_limits(enterprise: Enterprise, phone: str, needs_approval: bool) -> None:
    recent = Application.objects.filter(phone=phone, created_at__gt=timezone.now() - timedelta(days=1))
    times = list(recent.order_by("-created_at").values_list("created_at", flat=True))
    moment = free_at(times, settings.APPLICATIONS_PER_DAY, DAY_SECONDS)
    if moment > timezone.now():
        words, wait = _("You've sent several requests within 24 hours."), seconds_until(moment)
        raise ApplyLimited(f"{words} {try_again_text(wait)}", wait)
    waiting = Application.objects.filter(enterprise=enterprise, state=State.PENDING)
    if needs_approval and waiting.count() >= settings.APPLICATIONS_PENDING:
        words = _("Too many join requests are waiting, so no more can be accepted right now. Try again later.")
        raise ApplyLimited(words, 3600)


def _audit_snapshot(application: Application) -> dict[str, Any]:
    return {
        "name": application.name,
        "address": application.wanted_address,
        "phone": application.phone,
        "department": application.department.name if application.department else "",
        "invited_by": application.inviter.name if application.inviter else "",
        "state": application.state,
    }
