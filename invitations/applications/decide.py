"""The approval desk's actions: edit, approve, reject. One outcome each, however many decide at once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, recording
from accounts.models import Role
from directory.access import members_of
from directory.domains.addresses import clean_prefix
from directory.joining.actions import join_member
from directory.members.fields import holder_of_address
from directory.members.search_keys import keys_of
from directory.models import Department, Domain, Member
from directory.names import clean_name
from invitations.applications.apply import end_application, hold_address, make_member, member_with
from invitations.links.actions import digest_of
from invitations.models import Application
from sms.outbox.queue import MessageRequest, queue_messages

PURPOSE = "decision"
State = Application.State


class DecidedAlready(ValidationError):
    """Somebody else was quicker, or the applicant withdrew. A class of its own: the page is left instead of shown."""

    def __init__(self, application: Application) -> None:
        params = {"name": application.name, "state": State(application.state).label}
        super().__init__(_("%(name)s: decided already (%(state)s)."), params=params)


@dataclass(frozen=True)
class Amended:
    """What an administrator makes of an application before approving it."""

    name: str
    prefix: str
    domain: Domain
    department: Department


@dataclass
class Decided:
    """What came of deciding on many."""

    done: int = 0
    left_out: list[tuple[Application, str]] = field(default_factory=list)


def edit_application(application: Application, amended: Amended, *, by: Actor) -> None:
    """Another name, department or address, held from now on. Raises ValidationError with the holder's name."""
    try:
        with recording(application.enterprise, by=by) as record:
            _refuse_if_decided(application)
            before = _told(application)
            _amend(application, amended, by)
            if _told(application) != before:
                record("application_edited", application, before=before, after=_told(application))
    except IntegrityError:
        raise ValidationError({"prefix": _("This address has just been taken.")}) from None


def approve_application(application: Application, *, by: Actor) -> Member:
    """Make the applicant a member who has joined, and tell them by SMS.

    Who stands in the directory by now joins as that member. Raises ValidationError with the holder's name.
    """
    with recording(application.enterprise, by=by) as record:
        _refuse_if_decided(application)
        known = member_with(application.phone, application.enterprise)
        if not known and not application.department:
            raise ValidationError({"department": _("Its department was deleted meanwhile: choose another.")})
        end_application(application, State.APPROVED, decided_by=by.user)
        application.member = _join_known(known, by) if known else make_member(application, by=by, is_inside=False)
        _tell_applicant(application)
        record("application_approved", application, after=_told(application))
    return application.member


def reject_application(application: Application, *, by: Actor, reason: str = "") -> None:
    """Free its address and tell the applicant by SMS; the reason stands on their page. Raises ValidationError."""
    with recording(application.enterprise, by=by) as record:
        _refuse_if_decided(application)
        end_application(application, State.REJECTED, decided_by=by.user, reason=clean_reason(reason))
        _tell_applicant(application)
        record("application_rejected", application, after={"reason": application.reason})


def decide_all(applications: Iterable[Application], decide: Callable[[Application], Any]) -> Decided:
    """Each in a transaction of its own: what can't be decided is left out with the reason."""
    outcome = Decided()
    for application in applications:
        try:
            decide(application)
            outcome.done += 1
        except ValidationError as error:
            outcome.left_out.append((application, " ".join(error.messages)))
    return outcome


def _refuse_if_decided(application: Application) -> None:
    """As it is now, under the lock."""
    application.refresh_from_db()
    if not application.is_pending:
        raise DecidedAlready(application)


def _amend(application: Application, amended: Amended, by: Actor) -> None:
    errors: dict[str, ValidationError] = {}
    name, prefix = application.name, application.prefix
    try:
        name = clean_name(amended.name)
    except ValidationError as error:
        errors["name"] = error
    try:
        prefix = clean_prefix(amended.prefix)
    except ValidationError as error:
        errors["prefix"] = error
    is_moved = (prefix, amended.domain) != (application.prefix, application.domain)
    if is_moved and not errors:
        holder = holder_of_address(prefix, amended.domain, by)
        errors |= {"prefix": holder} if holder else {}
    if errors:
        raise ValidationError(errors)
    keys = keys_of(name, application.phone)
    application.name, application.pinyin, application.initials = name, keys.pinyin, keys.initials
    application.department = amended.department
    application.prefix, application.domain = prefix, amended.domain
    held = application.address
    if is_moved:
        hold_address(application)
    application.save()
    if is_moved and held:
        held.delete()


def _join_known(member: Member, by: Actor) -> Member:
    """A member who was created after the application was filed: they keep their own address."""
    role = Role.objects.filter(user=by.user, enterprise=member.enterprise_id).first()
    if role and not members_of(role).filter(pk=member.pk).exists():
        raise ValidationError(_("This phone belongs to a member outside your departments."))
    if member.status == Member.Status.DISABLED:
        words = _("This phone belongs to %(name)s, who is disabled. Enable them instead.")
        raise ValidationError(words, params={"name": member.name})
    if member.status == Member.Status.PENDING:
        join_member(member, phone=str(member.phone), by=by, is_inside=False)
    return member


def _tell_applicant(application: Application) -> None:
    token = secrets.token_urlsafe(16)
    application.token_digest = digest_of(token)
    application.save(update_fields=["token_digest", "member"])
    message = MessageRequest(
        enterprise=application.enterprise,
        kind="decision",
        purpose=PURPOSE,
        subject=subject_of(application),
        to=application.phone,
        template=application.state,
        params={"enterprise": application.enterprise.name, "name": application.name},
        secrets={"link": f"{settings.PUBLIC_URL}/a/{token}/"},
    )
    queue_messages([message])


def subject_of(application: Application) -> str:
    """How the outbox names the application whose decision it tells."""
    return f"application:{application.pk}"


def clean_reason(reason: str) -> str:
    """What is kept of a reason that was typed."""
    return " ".join(reason.split())[: Application.REASON_MAX]


def _told(application: Application) -> dict[str, Any]:
    return {
        "name": application.name,
        "address": application.wanted_address,
        "department": application.department.name if application.department else "",
    }
