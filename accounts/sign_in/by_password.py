"""Sign in with a login and password.

We use allauth's `perform_login`, whose stages ask for the second factor, but not its form and view: they count failures
in the cache without atomicity, and respond with 200 to a refusal instead of 422 or 429.
"""

from __future__ import annotations

from allauth.account.utils import perform_login
from django.contrib.auth import authenticate
from django.http import HttpResponse

from accounts.audit.recording import recording
from accounts.clients import address_block, browser_secret, client_address
from accounts.models import Enterprise, User
from accounts.requests import PublicRequest
from accounts.sign_in.attempt_limits import AttemptsExceeded, PasswordAttempt
from accounts.sign_in.hashers import HashersBusy

BUSY_SECONDS = 5


class PasswordWrong(Exception):
    """The login doesn't exist, the password is wrong, or the user may not sign in; the message doesn't tell which."""


def verify_password(request: PublicRequest, *, login: str, password: str) -> User:
    """Return the user with this login and password. Raise PasswordWrong or AttemptsExceeded.

    An unknown login takes the same time as a known one.
    """
    attempt = PasswordAttempt(login, browser=browser_secret(request), address=address_block(client_address(request)))
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
    """Open the session, or redirect to the next stage."""
    response: HttpResponse = perform_login(request, user, redirect_url=to)
    return response


def _record_lock(request: PublicRequest, login: str) -> None:
    """Record the lock in each enterprise where this login has a role."""
    user = User.objects.filter(login=login.lower()).first()
    if user is None:
        return
    for enterprise in Enterprise.objects.filter(roles__user=user):
        with recording(enterprise, by=request.actor) as record:
            record("sign_in_locked", user)
