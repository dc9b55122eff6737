"""The story of a proof: who is to prove something, by what, and what the session may do from then on.

Someone half signed in (allauth holds the proven password for a quarter of an hour) proves the factor to have a session
opened; someone signed in proves it to enter the console or to do something dangerous.
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
from accounts.second_factor.passkeys import check_answer
from accounts.sign_in.browser_codes import BrowserCodes
from accounts.sign_in.by_password import PasswordWrong, prove_password
from accounts.sign_in.sessions import current_enterprise, raise_session
from core.responses import see_other
from sms.models import PhoneCode

PURPOSE = "confirm"


def person_to_prove(request: PublicRequest) -> User | None:
    """Who is half signed in here, else who is signed in."""
    stage = _stage(request)
    person = stage.login.user if stage else request.user
    return person if isinstance(person, User) and person.is_active else None


def prove_by_factor_code(request: PublicRequest, person: User, text: str) -> None:
    """A code of the app, or a recovery code. Raises FactorWrong or AttemptsExceeded."""
    left = use_code(person, text, by=request.actor, enterprise=current_enterprise(request))
    if left is not None:
        words = ngettext(
            "This recovery code is used up; %(left)d is left.",
            "This recovery code is used up; %(left)d are left.",
            left,
        )
        messages.warning(request, words % {"left": left})


def prove_by_passkey(request: PublicRequest, person: User, answer: str) -> None:
    """Raises PasskeyRefused."""
    check_answer(answer, user=person)


def go_on(request: PublicRequest, *, to: str) -> HttpResponse:
    """The factor is proven: open the session that waited for it, or let the open one do more."""
    if stage := _stage(request):
        response: HttpResponse = stage.exit()
        raise_session(request, by_factor=True)
        return response
    raise_session(request, by_factor=True)
    return see_other(to or "/")


def way_to_prove(user: User) -> str:
    """How someone signed in shows again who they are: by the factor, else the password, else a code to the phone."""
    if has_factor(user):
        return "factor"
    return "password" if user.has_usable_password() else "phone"


def prove_own_password(request: SignedInRequest, password: str) -> None:
    """Raises PasswordWrong or AttemptsExceeded; counted as at the sign-in."""
    if prove_password(request, login=request.user.login or "", password=password) != request.user:
        raise PasswordWrong


def send_confirm_code(request: SignedInRequest) -> PhoneCode:
    """A code for this alone, to the phone on record: one for signing in proves nothing here. Raises CodeLimited."""
    return _confirm_codes(request).send(str(request.user.phone), enterprise=current_enterprise(request))


def sent_confirm_code(request: SignedInRequest) -> PhoneCode | None:
    return _confirm_codes(request).sent()


def prove_by_confirm_code(request: SignedInRequest, text: str) -> None:
    """Raises CodeRefused and its kinds."""
    _confirm_codes(request).use(text)


def _confirm_codes(request: SignedInRequest) -> BrowserCodes:
    return BrowserCodes(request, PURPOSE, str(request.user.pk))


def _stage(request: PublicRequest) -> FactorStage | None:
    stage: FactorStage | None = LoginStageController.enter(request, FactorStage.key)
    return stage
