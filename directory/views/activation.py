"""Joining with an activation code: account and code on `/i/`, then the choice of a password.

The code itself never leaves the form that brought it; from then on the session names its row.
"""

from __future__ import annotations

import time

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.answers import limited, see_other
from accounts.browsers import address_block, browser_of, client_address
from accounts.hashers import HashersBusy
from accounts.requests import PublicRequest
from accounts.sign_in import open_session, renew_key
from accounts.throttle import PasswordLimited
from directory.activating import PairWrong, activate_member, login_of, prove_pair
from directory.activation_codes import get_code
from directory.activation_forms import ActivationCodeForm, ActivationPasswordForm
from directory.entering import enter_as
from directory.joining import JoinRefused
from directory.member_access import acting_as
from directory.models import ActivationCode

CODE, PASSWORD = "directory/activation_code.html", "directory/activation_password.html"
KEY = "activation"
BUSY_SECONDS = 5


@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def activation_code(request: PublicRequest) -> HttpResponse:
    """Account and code; the right pair leads on to the password, every wrong one gets the same answer."""
    if request.method != "POST":
        return code_page(request)
    form = ActivationCodeForm(request.POST)
    if not form.is_valid():
        return code_page(request, form, status=422)
    try:
        code = prove_pair(
            account=form.cleaned_data["account"],
            code=form.cleaned_data["code"],
            browser=browser_of(request),
            address=address_block(client_address(request)),
        )
    except PairWrong:
        form.add_error("code", _("Account and code don't belong together, or the code is no longer good."))
        return code_page(request, form, status=422)
    except PasswordLimited as limit:
        form.add_error("code", _("Too many tries. Please wait a few minutes."))
        return _private(limited(request, CODE, {"form": form}, retry_after=limit.retry_after))
    renew_key(request)
    request.session[KEY] = {"code": code.pk, "at": int(time.time())}
    return see_other("directory:activation_password")


@sensitive_post_parameters("password", "confirm")
@require_http_methods(["GET", "HEAD", "POST"])
def activation_password(request: PublicRequest) -> HttpResponse:
    """Choose the password to sign in with; that joins the member and signs this browser in."""
    code = _carried(request)
    if code is None:
        return redirect("directory:activation_code")
    typed = request.POST if request.method == "POST" else None
    form = ActivationPasswordForm(typed, login=login_of(code.member), name=code.member.name)
    if typed is None:
        return _password_page(request, code, form)
    if not form.is_valid():
        return _password_page(request, code, form, status=422)
    try:
        user = activate_member(code.pk, password=form.cleaned_data["password"], by=acting_as(request, code.member))
    except HashersBusy:
        form.add_error("password", _("Too many tries. Please wait a few minutes."))
        return _private(limited(request, PASSWORD, _context(code, form), retry_after=BUSY_SECONDS))
    except JoinRefused as refusal:
        del request.session[KEY]
        return code_page(request, refusal=str(refusal), status=410)
    del request.session[KEY]
    open_session(request, user, method="invitation")
    enter_as(request, user.members.select_related("enterprise").get(pk=code.member_id))
    return see_other("directory:mailbox")


def code_page(
    request: PublicRequest, form: ActivationCodeForm | None = None, *, refusal: str = "", status: int = 200
) -> HttpResponse:
    """The page that asks for account and code, which `/i/` shows too where the browser brings no link."""
    return _private(render(request, CODE, {"form": form or ActivationCodeForm(), "refusal": refusal}, status=status))


def _password_page(
    request: PublicRequest, code: ActivationCode, form: ActivationPasswordForm, *, status: int = 200
) -> HttpResponse:
    return _private(render(request, PASSWORD, _context(code, form), status=status))


def _context(code: ActivationCode, form: ActivationPasswordForm) -> dict[str, object]:
    member = code.member
    return {"form": form, "member": member, "enterprise": member.enterprise, "login": login_of(member)}


def _carried(request: PublicRequest) -> ActivationCode | None:
    """The code this browser has just entered, if it still counts."""
    proof = request.session.get(KEY)
    if not proof or time.time() - proof["at"] >= settings.ACTIVATION_PROOF_SECONDS:
        return None
    return get_code(proof["code"])


def _private(answer: HttpResponse) -> HttpResponse:
    answer["Cache-Control"] = "no-store"
    answer["X-Robots-Tag"] = "noindex"
    return answer
