"""The activation code: what a member without a phone joins with, and later chooses a new password with.

12 signs from 31 that can't be mistaken for one another (59 bits), said once to whoever minted it. The table keeps an
HMAC under a key of SECRET_KEY: whoever reads the table can neither use a code nor try codes against it.
"""

from __future__ import annotations

import hashlib
import hmac
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
from core.encryption import derive_key
from directory.models import ActivationCode, Member, MemberQuerySet

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 12
GROUP = 4
CHUNK = 2000
LIVING = Q(used_at=None, revoked_at=None)


class CodeNotIssued(Exception):
    """No code was made; the text says why."""


def issue_code(member: Member, *, by: Actor) -> str:
    """A fresh code for this member, which only the caller ever sees; the one before is dead. Raises CodeNotIssued."""
    minted = issue_codes(member.enterprise, [member.pk], by=by, target=member)
    if not minted:
        raise CodeNotIssued(_("%(name)s doesn't join with an activation code.") % {"name": member.name})
    return minted[member.pk]


def issue_codes(enterprise: Enterprise, ids: Sequence[int], *, by: Actor, target: models.Model) -> dict[int, str]:
    """A fresh code for each of these members who may have one, by id; a transaction for each 2,000.

    One line in the audit log for each transaction, about `target`."""
    minted: dict[int, str] = {}
    for start in range(0, len(ids), CHUNK):
        minted |= _mint_chunk(enterprise, ids[start : start + CHUNK], by, target)
    return minted


def revoke_codes(*members: Member) -> None:
    """Kill their living codes; inside the caller's transaction."""
    ActivationCode.objects.filter(LIVING, member__in=members).update(revoked_at=timezone.now())


def active_code(member: Member) -> ActivationCode | None:
    """The code that counts now, if one was minted and is not used up; it may have expired."""
    return ActivationCode.objects.filter(LIVING, member=member).select_related("minted_by").first()


def find_code(text: str) -> ActivationCode | None:
    """The code that was typed, in whatever case and grouping, if it can still be used."""
    keys = [settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS)]
    return _usable().filter(digest__in=[_digest(plain_code(text), key) for key in keys]).first()


def get_code(id: int) -> ActivationCode | None:
    """The same, for a browser that has just entered it."""
    return _usable().filter(pk=id).first()


def may_have_code(members: MemberQuerySet) -> MemberQuerySet:
    """Those activated by code who have not joined, or have joined by code and may choose a new password.

    Not who has a role somewhere: whoever looks after members could become an administrator by their code.
    """
    joined = Q(status=Member.Status.ACTIVE, user__isnull=False, user__phone=None, user__roles=None)
    by_code = members.filter(activation=Member.Activation.CODE, deleted_at=None)
    return by_code.filter(Q(status=Member.Status.PENDING) | joined)


def plain_code(text: str) -> str:
    """Its signs alone: capitals and figures."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).upper() if sign.isalnum())


def _mint_chunk(enterprise: Enterprise, ids: Sequence[int], by: Actor, target: models.Model) -> dict[int, str]:
    now = timezone.now()
    with recording(enterprise, by=by) as record:
        members = may_have_code(Member.objects.filter(enterprise=enterprise, pk__in=ids))
        minted = {id: _new_code() for id in members.order_by("pk").values_list("pk", flat=True)}
        ActivationCode.objects.filter(LIVING, member__in=minted).update(revoked_at=now)
        ActivationCode.objects.bulk_create(
            ActivationCode(
                enterprise=enterprise,
                member_id=id,
                digest=_digest(plain_code(code), settings.SECRET_KEY),
                minted_by=by.user,
                created_at=now,
                expires_at=now + timedelta(days=settings.ACTIVATION_DAYS),
            )
            for id, code in minted.items()
        )
        if minted:
            record("activation_codes_minted", target, after={"members": len(minted)})
    return minted


def _usable() -> models.QuerySet[ActivationCode]:
    codes = ActivationCode.objects.filter(LIVING, expires_at__gt=timezone.now())
    return codes.filter(member__in=may_have_code(Member.objects.all())).select_related("member__enterprise")


def _new_code() -> str:
    signs = "".join(secrets.choice(ALPHABET) for _place in range(LENGTH))
    return "-".join(signs[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def _digest(plain: str, secret_key: str) -> str:
    return hmac.new(derive_key(secret_key, "activation code"), plain.encode(), hashlib.sha256).hexdigest()
