"""An administrator's actions on applications: edit, approve, reject. Each application is decided once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, Record, recording
from directory.admission import member_with_phone
from directory.members.conflicts import address_conflict
from directory.members.search_keys import keys_of
from directory.models import Department, Domain, Member
from invitations.applications.apply import ApplicationInput, admit_applicant, end_application, hold_address
from invitations.links.actions import digest_of
from invitations.models import Application
from sms.outbox.queue import MessageRequest, queue_messages

PURPOSE = "decision"
FIELDS = {"name", "prefix", "domain", "department"}
State = Application.State


class DecidedAlready(ValidationError):
    """Another administrator has decided, or the applicant has withdrawn the application."""

    def __init__(self, application: Application) -> None:
        params = {"name": application.name, "state": State(application.state).label}
        super().__init__(_("%(name)s: already reviewed (%(state)s)."), params=params)


@dataclass(frozen=True)
class Amendment(ApplicationInput):
    """What an administrator changes in an application before approving it."""

    domain: Domain
    department: Department


@dataclass
class DecisionOutcome:
    """How many applications were decided, and which were skipped for what reason."""

    done: int = 0
    left_out: list[tuple[Application, str]] = field(default_factory=list)


def edit_application(application: Application, *, amendment: Amendment | None, by: Actor) -> None:
    """Change name, department or address; hold the new address at once.

    Raises ValidationError for the fields of Amendment; the message names who holds the address.
    """
    with _deciding(application, by) as record:
        _amend(application, amendment, record)


def approve_application(application: Application, *, amendment: Amendment | None = None, by: Actor) -> Member:
    """Make the applicant a member who has joined, and tell them by SMS. Apply `amendment` first, if there is one.

    If the directory has a member with this phone by now, the applicant joins as that member. All or nothing: a refusal
    leaves the application unchanged. Raises ValidationError for the fields of Amendment or for no field.
    """
    with _deciding(application, by) as record, _errors_of_application():
        _amend(application, amendment, record)
        if not application.department and not member_with_phone(application.enterprise, application.phone):
            raise ValidationError({"department": _("Its department has been deleted. Select another one.")})
        member = admit_applicant(application, record=record, is_entering=False, decided_by=by.user)
        _notify_applicant(application)
        record("application_approved", application, after=audit_snapshot(application))
    return member


def reject_application(application: Application, *, by: Actor, reason: str = "") -> None:
    """Free the address and tell the applicant by SMS; their page shows the reason. Raises DecidedAlready."""
    with _deciding(application, by) as record:
        end_application(application, State.REJECTED, decided_by=by.user, reason=clean_reason(reason))
        _notify_applicant(application)
        record("application_rejected", application, after={"reason": application.reason})


def decide_all(applications: Iterable[Application], decide: Callable[[Application], Any]) -> DecisionOutcome:
    """Call `decide` for each application, in a transaction of its own; skip those for which it raises."""
    outcome = DecisionOutcome()
    for application in applications:
        try:
            decide(application)
            outcome.done += 1
        except ValidationError as error:
            outcome.left_out.append((application, " ".join(error.messages)))
    return outcome


def subject_of(application: Application) -> str:
    """Return the subject of the message that tells the applicant the decision."""
    return f"application:{application.pk}"


def clean_reason(reason: str) -> str:
    """Collapse whitespace and truncate to the column's length."""
    return " ".join(reason.split())[: Application.REASON_MAX]


@contextmanager
def _deciding(application: Application, by: Actor) -> Iterator[Record]:
    """Lock the enterprise and read the application again; raise DecidedAlready if it is not pending."""
    with recording(application.enterprise, by=by) as record:
        application.refresh_from_db()
        if not application.is_pending:
            raise DecidedAlready(application)
        yield record


@contextmanager
def _errors_of_application() -> Iterator[None]:
    """Turn errors for fields of a member that an application lacks, such as the account, into non-field errors."""
    try:
        yield
    except ValidationError as error:
        errors: dict[str, list[ValidationError]] = {}
        for name, found in error.update_error_dict({}).items():
            key = name if name in FIELDS else NON_FIELD_ERRORS
            errors.setdefault(key, []).extend(found)
        raise ValidationError(errors) from None


def _amend(application: Application, amendment: Amendment | None, record: Record) -> None:
    if amendment is None:
        return
    before, held = audit_snapshot(application), application.address
    amendment = amendment.cleaned()
    is_moved = (amendment.prefix, amendment.domain) != (application.prefix, application.domain)
    if is_moved and (holder := address_conflict(amendment.prefix, amendment.domain, record.by)):
        raise ValidationError({"prefix": holder})
    keys = keys_of(amendment.name, application.phone)
    application.name, application.folded_name = amendment.name, keys.folded_name
    application.pinyin, application.initials = keys.pinyin, keys.initials
    application.prefix, application.domain = amendment.prefix, amendment.domain
    application.department = amendment.department
    if is_moved:
        _hold_new_address(application)
    application.save()
    if is_moved and held:
        held.delete()
    if (after := audit_snapshot(application)) != before:
        record("application_edited", application, before=before, after=after)


def _hold_new_address(application: Application) -> None:
    try:
        with transaction.atomic():
            hold_address(application)
    except IntegrityError:
        raise ValidationError({"prefix": _("This address has just been taken.")}) from None


def _notify_applicant(application: Application) -> None:
    token = secrets.token_urlsafe(16)
    application.token_digest = digest_of(token)
    application.save(update_fields=["token_digest"])
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


def audit_snapshot(application: Application) -> dict[str, Any]:
    """Return what the audit log keeps of an application that is decided."""
    return {
        "name": application.name,
        "address": application.wanted_address,
        "department": application.department.name if application.department else "",
    }
