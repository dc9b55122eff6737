"""Verify a second factor, password or phone code of a user who is signing in or signed in.

After a correct password, allauth keeps the pending sign-in for 15 minutes until the second factor is verified.
"""

from __future__ import annotations

from allauth.account.stages import LoginStageController
from django.contrib import messages
from django.http import HttpResponse
from django.utils.translation import ngettext

from accounts.models import User
from accounts.requests import PublicRequest, SignedInRequest
from accounts.second_factor.factors import has_factor, use_code
from accounts.second_factor.login_stage import FactorStage
from accounts.second_factor.passkeys import verify_assertion
from accounts.sign_in.browser_codes import BrowserCodes
from accounts.sign_in.by_password import PasswordWrong, verify_password
from accounts.sign_in.sessions import current_enterprise, elevate_session
from core.responses import see_other
from sms.models import Door, PhoneCode

PURPOSE = "confirm"


def user_to_verify(request: PublicRequest) -> User | None:
    """Return the user of the pending sign-in, or the signed-in user, if active."""
    stage = _stage(request)
    person = stage.login.user if stage else request.user
    return person if isinstance(person, User) and person.is_active else None


def verify_factor_code(request: PublicRequest, person: User, text: str) -> None:
    """Verify a TOTP or recovery code. Raise FactorWrong or AttemptsExceeded."""
    left = use_code(person, text, by=request.actor, enterprise=current_enterprise(request))
    if left is not None:
        words = ngettext(
            "Recovery code used. %(left)d left.",
            "Recovery code used. %(left)d left.",
            left,
        )
        messages.warning(request, words % {"left": left})


def verify_passkey(request: PublicRequest, person: User, answer: str) -> None:
    """Verify a passkey. Raise PasskeyRefused."""
    verify_assertion(answer, user=person)


def finish_verification(request: PublicRequest, *, to: str) -> HttpResponse:
    """After the second factor, complete the pending sign-in or elevate the session, and redirect."""
    if stage := _stage(request):
        response: HttpResponse = stage.exit()
        elevate_session(request, by_factor=True)
        return response
    elevate_session(request, by_factor=True)
    return see_other(to or "/")


def reauthentication_method(user: User) -> str:
    """Return how the user reauthenticates: by "factor", else "password", else "phone"."""
    if has_factor(user):
        return "factor"
    return "password" if user.has_usable_password() else "phone"


def verify_own_password(request: SignedInRequest, password: str) -> None:
    """Verify the signed-in user's password, counted as at sign-in. Raise PasswordWrong or AttemptsExceeded."""
    if verify_password(request, login=request.user.login or "", password=password) != request.user:
        raise PasswordWrong


def send_confirm_code(request: SignedInRequest) -> PhoneCode:
    """Send a code for this purpose only to the user's phone. Raise CodeLimited."""
    phone, enterprise = str(request.user.phone), current_enterprise(request)
    return _confirm_codes(request).send(phone, door=Door.PROVEN, enterprise=enterprise)


def outstanding_confirm_code(request: SignedInRequest) -> PhoneCode | None:
    return _confirm_codes(request).sent()


def verify_confirm_code(request: SignedInRequest, text: str) -> None:
    """Use up the code. Raise CodeRefused."""
    _confirm_codes(request).use(text)


def _confirm_codes(request: SignedInRequest) -> BrowserCodes:
    return BrowserCodes(request, PURPOSE, str(request.user.pk))


def _stage(request: PublicRequest) -> FactorStage | None:
    stage: FactorStage | None = LoginStageController.enter(request, FactorStage.key)
    return stage
