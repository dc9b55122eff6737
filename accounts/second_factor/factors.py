"""The second factors of a person: an authenticator app (TOTP), passkeys, recovery codes; and what uses one up.

The rows and their meaning are allauth's. Ours are the counting of guesses (accounts.sign_in.attempt_limits; allauth
counts in the cache), the single use of an app's code (allauth keeps that in the cache), and the audit log.
"""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.mfa.utils import decrypt
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit.person import PersonRecord, recording_person
from accounts.audit.recording import Actor
from accounts.models import Enterprise, Role, User
from accounts.sign_in.attempt_limits import AttemptLimit, AttemptLimiter
from accounts.sign_in.sessions import end_sessions
from core.encryption import DecryptionFailed

TYPE = Authenticator.Type
FACTORS = [TYPE.TOTP, TYPE.WEBAUTHN]
KINDS: dict[str, str] = {TYPE.TOTP: "totp", TYPE.WEBAUTHN: "passkey"}
TOTP_DIGITS = 6
DAY_SECONDS = 86400
NAME_MAX = 64


class FactorWrong(Exception):
    """Not the code or the passkey of this person, or one that was used before."""


@dataclass(frozen=True)
class Factor:
    """One of a person's factors, as a page shows it. `kind`: totp or passkey; only a passkey has a name."""

    id: int
    kind: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


def has_factor(user: User) -> bool:
    return Authenticator.objects.filter(user=user, type__in=FACTORS).exists()


def list_factors(user: User) -> list[Factor]:
    """The app first, then the passkeys by age; recovery codes only stand in for these."""
    rows = Authenticator.objects.filter(user=user, type__in=FACTORS).order_by("type", "pk")
    return [Factor(row.pk, KINDS[row.type], row.data.get("name", ""), row.created_at, row.last_used_at) for row in rows]


def recovery_codes(user: User) -> list[str]:
    """Those not used yet, ten digits each."""
    row = Authenticator.objects.filter(user=user, type=TYPE.RECOVERY_CODES).first()
    # Sealed by a SECRET_KEY of before they open nothing, like an app's key: only a reset helps.
    with suppress(DecryptionFailed):
        return RecoveryCodes(row).get_unused_codes() if row else []
    return []


def use_code(user: User, text: str, *, by: Actor, enterprise: Enterprise | None = None) -> int | None:
    """Use up a code of the app, or a recovery code; return how many recovery codes are left if it was one of them.

    Raise FactorWrong or AttemptsExceeded. Do not call it in a transaction that may be rolled back: each attempt must
    stay counted. Text that cannot be a code is not counted.
    """
    digits = _digits_of(text)
    if len(digits) not in {TOTP_DIGITS, settings.MFA_RECOVERY_CODE_DIGITS}:
        raise FactorWrong
    limiter = _attempt_limiter(user)
    limiter.count()
    is_right = _use_totp(user, digits) if len(digits) == TOTP_DIGITS else _use_recovery_code(user, digits)
    if not is_right:
        with recording_person(user, by=by, enterprise=enterprise) as record:
            record("second_factor_failed")
        raise FactorWrong
    limiter.succeed()
    if len(digits) == TOTP_DIGITS:
        return None
    left = len(recovery_codes(user))
    with recording_person(user, by=by, enterprise=enterprise) as record:
        record("recovery_code_used", after={"left": left})
    return left


def matching_step(secret: str, text: str, *, after: int = -1) -> int | None:
    """The time step, later than `after`, whose code this is: now, or one step beside it for clocks that differ."""
    digits = _digits_of(text)
    for step in yield_hotp_counters_from_time():
        if step > after and compare_user_code(actual=digits, expected=format_hotp_value(hotp_value(secret, step))):
            return step
    return None


def add_totp(
    user: User, *, secret: str, step: int, by: Actor, enterprise: Enterprise | None, keep_session: str | None
) -> bool:
    """Bind the app that holds `secret` (base32), in place of the one before; the code of `step` is used up.

    Other sessions of the person end. Whether recovery codes were made beside it, for there were none.
    """
    with recording_person(user, by=by, enterprise=enterprise) as record:
        _lock(user)
        if Authenticator.objects.filter(user=user, type=TYPE.TOTP).delete()[0]:
            record("factor_removed", before={"kind": "totp"})
        row = TOTP.activate(user, secret).instance
        row.data["last_step"] = step
        row.last_used_at = timezone.now()
        row.save(update_fields=["data", "last_used_at"])
        record("factor_added", after={"kind": "totp"})
        end_sessions(user, except_key=keep_session)
        return _make_missing_codes(user, record)


def add_passkey(
    user: User,
    *,
    name: str,
    credential: dict[str, Any],
    by: Actor,
    enterprise: Enterprise | None,
    keep_session: str | None,
) -> bool:
    """Keep a passkey whose registration was verified. Else as `add_totp`."""
    with recording_person(user, by=by, enterprise=enterprise) as record:
        _lock(user)
        keep_passkey(user, name=name, credential=credential)
        record("factor_added", after={"kind": "passkey", "name": name})
        end_sessions(user, except_key=keep_session)
        return _make_missing_codes(user, record)


def keep_passkey(user: User, *, name: str, credential: dict[str, Any]) -> None:
    """One whose registration was verified (accounts.second_factor.passkeys.read_new); the caller records it."""
    data = {"name": name, "credential": credential}
    Authenticator.objects.create(user=user, type=TYPE.WEBAUTHN, data=data, last_used_at=timezone.now())


def rename_passkey(row: Authenticator, *, name: str, by: Actor, enterprise: Enterprise | None) -> None:
    with recording_person(row.user, by=by, enterprise=enterprise) as record:
        before, row.data["name"] = row.data["name"], name
        row.save(update_fields=["data"])
        record("factor_renamed", before={"name": before}, after={"name": name})


def remove_factor(row: Authenticator, *, by: Actor, enterprise: Enterprise | None, keep_session: str | None) -> bool:
    """Other sessions of the person end. Whether it was the last: then the recovery codes are gone too."""
    user = row.user
    with recording_person(user, by=by, enterprise=enterprise) as record:
        _lock(user)
        row.delete()
        record("factor_removed", before={"kind": KINDS[row.type], "name": row.data.get("name", "")})
        end_sessions(user, except_key=keep_session)
        if has_factor(user):
            return False
        Authenticator.objects.filter(user=user).delete()
        return True


def make_recovery_codes(user: User, *, by: Actor, enterprise: Enterprise | None, keep_session: str | None) -> None:
    """Ten new ones; those before are dead at once. Other sessions of the person end."""
    with recording_person(user, by=by, enterprise=enterprise) as record:
        _lock(user)
        Authenticator.objects.filter(user=user, type=TYPE.RECOVERY_CODES).delete()
        _make_missing_codes(user, record)
        end_sessions(user, except_key=keep_session)


def reset_factors(user: User, *, enterprise: Enterprise | None, by: Actor) -> int:
    """Take all factors away from who has lost them, and end the sessions. How many factors there were.

    Raises ValidationError for oneself, for one whose role is above, and for one who also serves another enterprise,
    whose console this would weaken. Whether `user` belongs to `enterprise` at all the caller has made sure.
    """
    if by.via != "command":
        _refuse_reset(user, enterprise=enterprise, by=by)
    with recording_person(user, by=by, enterprise=enterprise) as record:
        _lock(user)
        count = delete_factors(user)
        end_sessions(user)
        record("factors_reset", before={"factors": count})
    return count


def delete_factors(user: User) -> int:
    """Delete them all, recovery codes too; the caller records it. How many there were."""
    count = Authenticator.objects.filter(user=user, type__in=FACTORS).count()
    Authenticator.objects.filter(user=user).delete()
    return count


def _refuse_reset(user: User, *, enterprise: Enterprise | None, by: Actor) -> None:
    if by.user is None or by.user == user:
        raise ValidationError(_("Your own second factor you change on your own page."), code="own")
    if Role.objects.filter(user=user).exclude(enterprise=enterprise).exists():
        raise ValidationError(
            _("Only the operator of this installation can reset the second factor of this person."),
            code="operator_only",
        )
    own, theirs = (_rank(each, enterprise) for each in (by.user, user))
    if own > theirs:
        raise ValidationError(_("Nobody resets the second factor of someone above."), code="above")


def _rank(user: User, enterprise: Enterprise | None) -> int:
    """0 for an owner; who has no role stands below all who have."""
    name = Role.objects.filter(user=user, enterprise=enterprise).values_list("name", flat=True).first()
    return Role.Name.values.index(name) if name else len(Role.Name.values)


def _attempt_limiter(user: User) -> AttemptLimiter:
    name = str(user.pk)
    return AttemptLimiter(
        AttemptLimit("factor", name, settings.ACCOUNTS_FACTOR_FAILURES),
        AttemptLimit("factor a day", name, settings.ACCOUNTS_FACTOR_FAILURES_PER_DAY, seconds=DAY_SECONDS),
    )


def _use_totp(user: User, digits: str) -> bool:
    """One code counts once, and none older than it: the row is locked while its step moves on."""
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().filter(user=user, type=TYPE.TOTP).first()
        if row is None:
            return False
        step = None
        with suppress(DecryptionFailed):
            step = matching_step(decrypt(row.data["secret"]), digits, after=row.data.get("last_step", -1))
        if step is None:
            return False
        row.data["last_step"] = step
        row.last_used_at = timezone.now()
        row.save(update_fields=["data", "last_used_at"])
        return True


def _use_recovery_code(user: User, digits: str) -> bool:
    row = Authenticator.objects.filter(user=user, type=TYPE.RECOVERY_CODES).first()
    # Its own transaction locks the row, then looks; new codes may have replaced it meanwhile.
    with suppress(Authenticator.DoesNotExist, DecryptionFailed):
        return row is not None and RecoveryCodes(row).validate_code(digits)
    return False


def _make_missing_codes(user: User, record: PersonRecord) -> bool:
    if Authenticator.objects.filter(user=user, type=TYPE.RECOVERY_CODES).exists():
        return False
    RecoveryCodes.activate(user)
    record("recovery_codes_made", after={"left": settings.MFA_RECOVERY_CODE_COUNT})
    return True


def _lock(user: User) -> None:
    """Changes to one person's factors follow one another."""
    User.objects.select_for_update().get(pk=user.pk)


def _digits_of(text: str) -> str:
    """The digits of a typed code (`１２３ 456`, `12345-67890`), or the empty text if anything else is in it."""
    folded = unicodedata.normalize("NFKC", text[:64])
    seen = [sign for sign in folded if not sign.isspace() and unicodedata.category(sign) not in {"Cf", "Pd"}]
    return "".join(str(unicodedata.decimal(sign)) for sign in seen) if all(map(str.isdecimal, seen)) else ""
