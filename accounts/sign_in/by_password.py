"""The story of a password: counted, checked, carried through allauth's stages, the session opened.

Of allauth we use `perform_login`, whose stages are where a second factor will stand. Its own form and view we don't:
they count failures in the cache, read-modify-write, answer 200 to a refusal, and know nothing of 422 and 429.
"""

from __future__ import annotations

from allauth.account.utils import perform_login
from django.contrib.auth import authenticate
from django.http import HttpResponse

from accounts.audit.recording import recording
from accounts.clients import address_block, browser_of, client_address
from accounts.models import Enterprise, User
from accounts.requests import PublicRequest
from accounts.sign_in.attempt_limits import AttemptsExceeded, PasswordAttempt
from accounts.sign_in.hashers import HashersBusy

BUSY_SECONDS = 5


class PasswordWrong(Exception):
    """No such login, a wrong password, or a person who may not sign in: nobody is told which."""


def prove_password(request: PublicRequest, *, login: str, password: str) -> User:
    """Return the user whose password this is. Raise PasswordWrong or AttemptsExceeded.

    The same work is done for a login that exists and one that doesn't.
    """
    attempt = PasswordAttempt(login, browser=browser_of(request), address=address_block(client_address(request)))
    attempt.count()
    try:
        user = authenticate(request, username=login, password=password)
    except HashersBusy:
        attempt.cancel()
        raise AttemptsExceeded(BUSY_SECONDS) from None
    if not isinstance(user, User):
        if attempt.fail():
            _record_lock(request, login)
        raise PasswordWrong
    attempt.succeed()
    return user


def sign_in(request: PublicRequest, user: User, *, to: str) -> HttpResponse:
    """Open the session, or ask for what else a stage wants; either way the answer to give."""
    response: HttpResponse = perform_login(request, user, redirect_url=to)
    return response


def _record_lock(request: PublicRequest, login: str) -> None:
    """Tell each enterprise where this login has a role that it was closed for a while."""
    user = User.objects.filter(login=login.lower()).first()
    if user is None:
        return
    for enterprise in Enterprise.objects.filter(roles__user=user):
        with recording(enterprise, by=request.actor) as record:
            record("sign_in_locked", user)
