"""Erase the data of this app about members who are erased (directory.members.erasure)."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q
from django.utils import timezone

from accounts.audit.recording import Record
from accounts.models import AuditEvent
from directory.models import Member
from invitations.applications.decide import PURPOSE, subject_of
from invitations.models import Application, JoinLink, Recipient
from sms.retention import erase_messages


def forget_members(record: Record, members: Sequence[Member]) -> None:
    """Delete the members' applications, revoke their links and clear references, in the caller's transaction."""
    phones = [member.phone for member in members if member.phone]
    # After a member's deletion their number may belong to somebody else.
    last = max(member.deleted_at for member in members if member.deleted_at)
    theirs = Q(member__in=members) | Q(phone__in=phones, created_at__lte=last)
    applications = Application.objects.filter(theirs, enterprise=record.enterprise).exclude(
        state=Application.State.PENDING
    )
    ended = list(applications)
    erase_messages(PURPOSE, [subject_of(application) for application in ended])
    ids = [str(application.pk) for application in ended]
    record.erase(AuditEvent.objects.filter(target_type="application", target_id__in=ids))
    Application.objects.filter(pk__in=[application.pk for application in ended]).delete()
    Application.objects.filter(inviter__in=members).update(inviter=None)
    JoinLink.objects.filter(inviter__in=members, revoked_at=None).update(revoked_at=timezone.now())
    Recipient.objects.filter(member__in=members).update(why=[])
