"""The second factors of a user: an authenticator app (TOTP), passkeys and recovery codes.

They are stored in allauth's rows. Attempt limits (accounts.sign_in.attempt_limits) and the single use of TOTP codes are
our own, because allauth keeps both in the cache.
"""

from __future__ import annotations

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
from sms.codes.typed_digits import read_digits

TYPE = Authenticator.Type
FACTORS = [TYPE.TOTP, TYPE.WEBAUTHN]
KINDS: dict[str, str] = {TYPE.TOTP: "totp", TYPE.WEBAUTHN: "passkey"}
TOTP_DIGITS = 6
DAY_SECONDS = 86400
NAME_MAX = 64


class FactorWrong(Exception):
    """The code is wrong or was used before."""


@dataclass(frozen=True)
class Factor:
    """A factor, as a page shows it. `kind` is "totp" or "passkey"; only a passkey has a name."""

    id: int
    kind: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


def has_factor(user: User) -> bool:
    return Authenticator.objects.filter(user=user, type__in=FACTORS).exists()


def list_factors(user: User) -> list[Factor]:
    """Return the app, then the passkeys by age, without recovery codes."""
    rows = Authenticator.objects.filter(user=user, type__in=FACTORS).order_by("type", "pk")
    return [Factor(row.pk, KINDS[row.type], row.data.get("name", ""), row.created_at, row.last_used_at) for row in rows]


def recovery_codes(user: User) -> list[str]:
    """Return the unused recovery codes, ten digits each; none if SECRET_KEY has changed."""
    row = Authenticator.objects.filter(user=user, type=TYPE.RECOVERY_CODES).first()
    with suppress(DecryptionFailed):
        return RecoveryCodes(row).get_unused_codes() if row else []
    return []


def use_code(user: User, text: str, *, by: Actor, enterprise: Enterprise | None = None) -> int | None:
    """Use up a TOTP or recovery code; return how many recovery codes are left if it was one of them.

    Raise FactorWrong or AttemptsExceeded. Do not call it in a transaction that may be rolled back: each attempt must
    stay counted. Text that cannot be a code is not counted.
    """
    digits = read_digits(text, TOTP_DIGITS, settings.MFA_RECOVERY_CODE_DIGITS)
    if not digits:
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
    """Return the current or an adjacent time step, later than `after`, whose code this is; None if there is none."""
    digits = read_digits(text, TOTP_DIGITS)
    for step in yield_hotp_counters_from_time():
        if step > after and compare_user_code(actual=digits, expected=format_hotp_value(hotp_value(secret, step))):
            return step
    return None


def add_totp(
    user: User, *, secret: str, step: int, by: Actor, enterprise: Enterprise | None, keep_session: str | None
) -> bool:
    """Replace the user's app by the one with `secret` (base32), and end other sessions. The code of `step` is used.

    Return True if recovery codes were created, because there were none.
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
    """Add a passkey whose registration was verified, and end other sessions. Return as `add_totp`."""
    with recording_person(user, by=by, enterprise=enterprise) as record:
        _lock(user)
        keep_passkey(user, name=name, credential=credential)
        record("factor_added", after={"kind": "passkey", "name": name})
        end_sessions(user, except_key=keep_session)
        return _make_missing_codes(user, record)


def keep_passkey(user: User, *, name: str, credential: dict[str, Any]) -> None:
    """Store a passkey whose registration was verified. The caller records it."""
    data = {"name": name, "credential": credential}
    Authenticator.objects.create(user=user, type=TYPE.WEBAUTHN, data=data, last_used_at=timezone.now())


def rename_passkey(row: Authenticator, *, name: str, by: Actor, enterprise: Enterprise | None) -> None:
    with recording_person(row.user, by=by, enterprise=enterprise) as record:
        before, row.data["name"] = row.data["name"], name
        row.save(update_fields=["data"])
        record("factor_renamed", before={"name": before}, after={"name": name})


def remove_factor(row: Authenticator, *, by: Actor, enterprise: Enterprise | None, keep_session: str | None) -> bool:
    """Remove a factor, and end other sessions. Return True if it was the last, which removes the recovery codes too."""
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
    """Replace the recovery codes, and end other sessions."""
    with recording_person(user, by=by, enterprise=enterprise) as record:
        _lock(user)
        Authenticator.objects.filter(user=user, type=TYPE.RECOVERY_CODES).delete()
        _make_missing_codes(user, record)
        end_sessions(user, except_key=keep_session)


def reset_factors(user: User, *, enterprise: Enterprise | None, by: Actor) -> int:
    """Delete all factors of a user who has lost them, and end all sessions. Return the number of factors.

    Raise ValidationError for oneself, for a higher role, and for a user with a role in another enterprise, whose
    console this would weaken. The caller checks that `user` belongs to `enterprise`.
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
    """Delete all factors and recovery codes, and return the number of factors. The caller records it."""
    count = Authenticator.objects.filter(user=user, type__in=FACTORS).count()
    Authenticator.objects.filter(user=user).delete()
    return count


def _refuse_reset(user: User, *, enterprise: Enterprise | None, by: Actor) -> None:
    if by.user is None or by.user == user:
        raise ValidationError(_("Change your own second factor on your security page."), code="own")
    if Role.objects.filter(user=user).exclude(enterprise=enterprise).exists():
        raise ValidationError(
            _("Only the operator of this installation can reset this person's second factor."),
            code="operator_only",
        )
    own, theirs = (_rank(each, enterprise) for each in (by.user, user))
    if own > theirs:
        raise ValidationError(_("You can't reset the second factor of someone with a higher role."), code="above")


def _rank(user: User, enterprise: Enterprise | None) -> int:
    """Return 0 for an owner, and more for lower roles; without a role, more than for all roles."""
    name = Role.objects.filter(user=user, enterprise=enterprise).values_list("name", flat=True).first()
    return Role.Name.values.index(name) if name else len(Role.Name.values)


def _attempt_limiter(user: User) -> AttemptLimiter:
    name = str(user.pk)
    return AttemptLimiter(
        AttemptLimit("factor", name, settings.ACCOUNTS_FACTOR_FAILURES),
        AttemptLimit("factor a day", name, settings.ACCOUNTS_FACTOR_FAILURES_PER_DAY, seconds=DAY_SECONDS),
    )


def _use_totp(user: User, digits: str) -> bool:
    """Use up the code's time step and all earlier ones. Locks the row. Return False if the code is wrong."""
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
    # allauth locks the row, which new codes may have replaced meanwhile.
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
    """Serialise changes to the user's factors."""
    User.objects.select_for_update().get(pk=user.pk)
