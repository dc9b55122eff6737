"""Join by an activation code: verify account and code, then exchange the code for a password or a passkey."""

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
from directory.joining.actions import activate
from directory.joining.activation_codes import find_code, get_code
from directory.joining.invitations import revoke_invitations
from directory.models import ActivationCode, Address, Member

# Holds the id of the verified code, and the id reserved for the user if the browser asks for passkey options.
SESSION_KEY = "activation"


@dataclass(frozen=True)
class NewPasskey:
    """A passkey created for the user with this id, who may not exist yet (accounts.second_factor.passkeys)."""

    user: int
    name: str
    credential: dict[str, Any]


class PairWrong(Exception):
    """The code is unknown, expired or another account's; the person must not learn which."""


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
    """Use up the code with this id: make its member active, with a user who has this password, or this passkey only.

    A member who joined before keeps the user, whose other sessions end and whose passkeys are deleted if they were the
    only credential. The user has no phone, because the one on record is not verified. Raises ValidationError if the
    code, read again under the enterprise's lock, is no longer usable, or if the passkey would replace a second factor.
    """
    code = _usable(id)
    # Slow on purpose, so not under the lock.
    encoded = make_password(password)
    with recording(code.enterprise, by=by) as record:
        code = _usable(id)
        member, before = code.member, code.member.status
        if passkey and not may_use_passkey(member):
            raise ValidationError(_("Choose a password. Your second factor doesn't change."), code="password_needed")
        if member.user and not member.user.has_usable_password() and (count := delete_factors(member.user)):
            record("factors_reset", member.user, before={"factors": count})
        user = _user_of(member, encoded, passkey)
        activate(member, user, is_entering=True)
        revoke_invitations(member)
        code.used_at = timezone.now()
        code.save(update_fields=["used_at"])
        if passkey:
            keep_passkey(user, name=passkey.name, credential=passkey.credential)
            record("factor_added", user, after={"kind": "passkey", "name": passkey.name})
        if before == Member.Status.PENDING or not passkey:
            action = "member_joined" if before == Member.Status.PENDING else "member_password_chosen"
            record(action, member, before={"status": before}, after={"status": member.status})
    return user


def may_use_passkey(member: Member) -> bool:
    """Return False if the member has a second factor beside the password: a passkey would sign in without it."""
    return not (member.user and member.user.has_usable_password() and has_factor(member.user))


def login_of(member: Member) -> str:
    """Return the login of a member who joins by code: their address, which is unique in the deployment."""
    return str(member.addresses.select_related("domain").get(purpose=Address.Purpose.PRIMARY)).lower()


def _usable(id: int) -> ActivationCode:
    code = get_code(id)
    if code is None:
        raise ValidationError(
            _("This activation code is no longer valid. Ask your administrator for a new one."), code="code_over"
        )
    return code


def _user_of(member: Member, encoded: str, passkey: NewPasskey | None) -> User:
    if passkey and member.user and member.user.pk != passkey.user:
        raise ValidationError(_("This passkey was created for someone else. Start again."), code="other_passkey")
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
            _("Your address is already used as a login. Contact your administrator."), code="login_taken"
        ) from None
