"""The story of an activation code: account and code belong together, a password is chosen or a passkey made, and the
member has joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, recording
from accounts.models import User
from accounts.second_factor.factors import delete_factors, has_factor, keep_passkey
from accounts.sign_in.attempt_limits import AttemptLimit, AttemptLimiter
from accounts.sign_in.sessions import end_sessions
from directory.joining.activation_codes import find_code, get_code
from directory.joining.invitations import revoke_invitations
from directory.models import ActivationCode, Address, Member

# Names the code that this browser entered, and the user to come if it makes a passkey.
SESSION_KEY = "activation"


@dataclass(frozen=True)
class NewPasskey:
    """Made on a device for the user with this id, who may not exist yet (accounts.second_factor.passkeys)."""

    user: int
    name: str
    credential: dict[str, Any]


class PairWrong(Exception):
    """No such code, not this account's, or no longer good: nobody is told which."""


def prove_pair(*, account: str, code: str, browser: str, address: str) -> ActivationCode:
    """Return the code if it belongs to this account, which may be typed as the complete mailbox address.

    Raise PairWrong or AttemptsExceeded. Nothing is counted per account, so strangers cannot block its owner.
    """
    limiter = AttemptLimiter(
        AttemptLimit("activation", f"browser {browser}", settings.ACTIVATION_FAILURES_PER_BROWSER),
        AttemptLimit("activation", f"address {address}", settings.ACTIVATION_FAILURES_PER_ADDRESS),
    )
    limiter.count()
    found = find_code(code)
    if found is None or account.strip().lower() not in {found.member.account.lower(), login_of(found.member)}:
        raise PairWrong
    limiter.succeed()
    return found


def activate_member(id: int, *, password: str | None = None, passkey: NewPasskey | None = None, by: Actor) -> User:
    """Use up the code with this id: its member becomes active, with a user of this login and password, or this passkey
    and no password.

    Who had joined before chooses anew and is signed out elsewhere; whoever had no password loses the passkeys too, for
    they were what the code replaces. The phone on record stays unproven: the user has none. Raises ValidationError when
    the code, read under the enterprise's lock, no longer counts, or a passkey would stand in for a second factor.
    """
    code = _counting(id)
    # Slow on purpose, so not under the lock.
    encoded = make_password(password)
    with recording(code.enterprise, by=by) as record:
        code = _counting(id)
        member, before, now = code.member, code.member.status, timezone.now()
        if passkey and not may_use_passkey(member):
            raise ValidationError(
                _("Please choose a password: your second factor stays as it is."), code="password_needed"
            )
        if member.user and not member.user.has_usable_password() and (count := delete_factors(member.user)):
            record("factors_reset", member.user, before={"factors": count})
        member.user = _user_of(member, encoded, passkey)
        member.status = Member.Status.ACTIVE
        member.joined_at = member.joined_at or now
        member.last_entered_at = now
        member.save(update_fields=["user", "status", "joined_at", "last_entered_at"])
        revoke_invitations(member)
        code.used_at = now
        code.save(update_fields=["used_at"])
        if passkey:
            keep_passkey(member.user, name=passkey.name, credential=passkey.credential)
            record("factor_added", member.user, after={"kind": "passkey", "name": passkey.name})
        if before == Member.Status.PENDING or not passkey:
            action = "member_joined" if before == Member.Status.PENDING else "member_password_chosen"
            record(action, member, before={"status": before}, after={"status": member.status})
    return member.user


def may_use_passkey(member: Member) -> bool:
    """Whether a code may be exchanged for a passkey, which signs in alone: not where a second factor stands beside the
    password that the code replaces."""
    return not (member.user and member.user.has_usable_password() and has_factor(member.user))


def login_of(member: Member) -> str:
    """What a member activated by code signs in with: their address, which nobody else in the deployment has."""
    return str(member.addresses.select_related("domain").get(purpose=Address.Purpose.PRIMARY)).lower()


def _counting(id: int) -> ActivationCode:
    code = get_code(id)
    if code is None:
        raise ValidationError(
            _("This activation code is no longer good. Please ask your administrator for a new one."), code="code_over"
        )
    return code


def _user_of(member: Member, encoded: str, passkey: NewPasskey | None) -> User:
    if passkey and member.user and member.user.pk != passkey.user:
        raise ValidationError(_("This passkey was made for somebody else. Please begin again."), code="other_passkey")
    if member.user:
        end_sessions(member.user)
        member.user.password = encoded
        member.user.save(update_fields=["password"])
        return member.user
    try:
        with transaction.atomic():
            id = passkey.user if passkey else None
            return User.objects.create(pk=id, login=login_of(member), name=member.name, password=encoded)
    except IntegrityError:
        raise ValidationError(
            _("Your address is a login already. Please ask your administrator."), code="login_taken"
        ) from None
