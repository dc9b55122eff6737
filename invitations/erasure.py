"""Erase applicants: those who became members when these are erased, the others some time after the decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.audit.recording import Record, erase_personal, recording, task_actor
from accounts.models import AuditEvent, User
from directory.members.mentions import Person, erase_later_mentions, erase_mentions
from directory.models import Member
from invitations.applications.decide import PURPOSE, subject_of
from invitations.models import Application, JoinLink, Recipient
from sms.phones import show_phone
from sms.retention import delete_counters, erase_messages, erase_recipients

CHUNK = 500
State = Application.State


def forget_members(record: Record, members: Sequence[Member]) -> None:
    """Delete the members' applications, revoke their links and clear references, in the caller's transaction."""
    phones = [member.phone for member in members if member.phone]
    # After a member's deletion their number may belong to somebody else.
    last = max(member.deleted_at for member in members if member.deleted_at)
    theirs = Q(member__in=members) | Q(phone__in=phones, created_at__lte=last)
    applications = Application.objects.filter(theirs, enterprise=record.enterprise)
    _erase(record, list(applications.exclude(state=State.PENDING)))
    _erase_inviters(record, members)
    JoinLink.objects.filter(inviter__in=members, revoked_at=None).update(revoked_at=timezone.now())
    Recipient.objects.filter(member__in=members).update(why=[])


def erase_ended_applications() -> int:
    """Erase rejected and withdrawn applications after APPLICATION_KEPT_DAYS. Return how many. Safe to run again."""
    erased = 0
    while number := _erase_chunk():
        erased += number
    return erased


def _erase_chunk() -> int:
    """Erase up to CHUNK applications of one enterprise. Import rows that name the applicants are searched unlocked."""
    over = timezone.now() - timedelta(days=settings.APPLICATION_KEPT_DAYS)
    due = Application.objects.filter(state__in=[State.REJECTED, State.WITHDRAWN], decided_at__lte=over)
    first = due.select_related("enterprise").order_by("decided_at").first()
    if first is None:
        return 0
    found = list(due.filter(enterprise=first.enterprise).select_related("domain").order_by("decided_at")[:CHUNK])
    people = [Person(each.name, frozenset({each.wanted_address, show_phone(each.phone)})) for each in found]
    searched = erase_mentions(first.enterprise, people)
    with recording(first.enterprise, by=task_actor("upkeep")) as record:
        applications = list(due.filter(pk__in=[each.pk for each in found]))
        erase_later_mentions(first.enterprise, people, searched)
        _erase(record, applications)
        _erase_numbers(record, {application.phone for application in applications})
        record("applications_erased", first.enterprise, after=dict(Counter(each.state for each in applications)))
    return len(applications)


def _erase(record: Record, applications: Sequence[Application]) -> None:
    """Delete these applications, their messages, and their names in the audit log."""
    erase_messages(PURPOSE, [subject_of(application) for application in applications])
    ids = [application.pk for application in applications]
    erase_personal(record, _events_of(ids))
    Application.objects.filter(pk__in=ids).delete()


def _erase_numbers(record: Record, phones: set[str]) -> None:
    """Erase the numbers of codes that were sent to applicants, unless somebody in the enterprise has the number."""
    members = Member.objects.filter(phone__in=phones)
    applications = Application.objects.filter(phone__in=phones)
    here = phones - _phones(members.filter(enterprise=record.enterprise), applications)
    # Who is applying again may be waiting for a code right now.
    before = timezone.now() - timedelta(hours=settings.SMS_CODE_ROW_HOURS)
    erase_recipients(record.enterprise.pk, dict.fromkeys(here, before))
    users = User.objects.filter(phone__in=phones)
    delete_counters(here - _phones(members, users))


def _erase_inviters(record: Record, members: Sequence[Member]) -> None:
    """Erase the members as inviters of others. An event about an application names its inviter when it is filed."""
    invited = Application.objects.filter(inviter__in=members)
    erase_personal(record, _events_of(list(invited.values_list("pk", flat=True))).filter(action="application_filed"))
    invited.update(inviter=None)


def _events_of(applications: Sequence[int]) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(target_type="application", target_id__in=list(map(str, applications)))


def _phones(*holders: QuerySet[Member] | QuerySet[Application] | QuerySet[User]) -> set[str]:
    return {str(phone) for found in holders for phone in found.values_list("phone", flat=True)}
