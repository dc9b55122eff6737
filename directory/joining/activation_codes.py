"""Activation codes, by which members without a phone join and later choose a new password.

A code has 12 characters from an alphabet of 31 without similar ones (59 bits) and is shown once, to the person who
issued it. The table holds an HMAC keyed from SECRET_KEY, so that a leaked table allows neither use nor guessing.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, recording
from accounts.models import Enterprise
from core.encryption import keyed_digests
from directory.models import ActivationCode, Member, MemberQuerySet

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 12
GROUP = 4
CHUNK = 2000
ACTIVE = Q(used_at=None, revoked_at=None)


class CodeNotIssued(Exception):
    """No code was issued; the message says why."""


def issue_code(member: Member, *, by: Actor) -> str:
    """Issue a code for this member and revoke the previous one; only the caller sees it. Raises CodeNotIssued."""
    issued = issue_codes(member.enterprise, [member.pk], by=by, target=member)
    if not issued:
        raise CodeNotIssued(_("%(name)s doesn't use an activation code.") % {"name": member.name})
    return issued[member.pk]


def issue_codes(enterprise: Enterprise, ids: Sequence[int], *, by: Actor, target: models.Model) -> dict[int, str]:
    """Issue a code for each of these members who may have one; return them by member id.

    Uses a transaction for each CHUNK members, and records one event about `target` in each.
    """
    issued: dict[int, str] = {}
    for start in range(0, len(ids), CHUNK):
        issued |= _issue_chunk(enterprise, ids[start : start + CHUNK], by, target)
    return issued


def revoke_codes(*members: Member) -> None:
    """Revoke the members' active codes, in the caller's transaction."""
    ActivationCode.objects.filter(ACTIVE, member__in=members).update(revoked_at=timezone.now())


def active_code(member: Member) -> ActivationCode | None:
    """Return the member's code that is neither used nor revoked; it may have expired."""
    return ActivationCode.objects.filter(ACTIVE, member=member).select_related("issued_by").first()


def find_code(text: str) -> ActivationCode | None:
    """Return the usable code that matches the text, in any case and grouping."""
    return _usable().filter(digest__in=_digests(text)).first()


def get_code(id: int) -> ActivationCode | None:
    """Return the code with this id if it is usable."""
    return _usable().filter(pk=id).first()


def may_have_code(members: MemberQuerySet) -> MemberQuerySet:
    """Return those who are to join by code, or have done so and may choose a new password.

    Users with a role are excluded, or anyone who manages members could sign in as an administrator.
    """
    joined = Q(status=Member.Status.ACTIVE, user__isnull=False, user__phone=None, user__roles=None)
    by_code = members.filter(activation=Member.Activation.CODE, deleted_at=None)
    return by_code.filter(Q(status=Member.Status.PENDING) | joined)


def plain_code(text: str) -> str:
    """Return the letters and digits of a code, in upper case."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).upper()))


def _issue_chunk(enterprise: Enterprise, ids: Sequence[int], by: Actor, target: models.Model) -> dict[int, str]:
    now = timezone.now()
    with recording(enterprise, by=by) as record:
        members = may_have_code(Member.objects.filter(enterprise=enterprise, pk__in=ids))
        issued = {id: _new_code() for id in members.order_by("pk").values_list("pk", flat=True)}
        ActivationCode.objects.filter(ACTIVE, member__in=issued).update(revoked_at=now)
        ActivationCode.objects.bulk_create(
            ActivationCode(
                enterprise=enterprise,
                member_id=id,
                digest=_digests(code)[0],
                issued_by=by.user,
                created_at=now,
                expires_at=now + timedelta(days=settings.ACTIVATION_DAYS),
            )
            for id, code in issued.items()
        )
        if issued:
            record("activation_codes_issued", target, after={"members": len(issued)})
    return issued


def _usable() -> models.QuerySet[ActivationCode]:
    codes = ActivationCode.objects.filter(ACTIVE, expires_at__gt=timezone.now())
    return codes.filter(member__in=may_have_code(Member.objects.all())).select_related("member__enterprise")


def _new_code() -> str:
    characters = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return "-".join(characters[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def _digests(code: str) -> list[str]:
    return keyed_digests(plain_code(code).encode(), "activation code")
