"""Pages of the sign-in by QR code: the desktop's, then the phone's."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.clients import name_browser
from accounts.models import QrSignIn
from accounts.qr_sign_in.desktop import (
    QrNotApproved,
    QrWithdrawn,
    address_of,
    claim_code,
    find_code,
    masked_name,
    poll_code,
    show_code,
)
from accounts.qr_sign_in.forms import QrApproveForm
from accounts.qr_sign_in.phone import (
    MayNotApprove,
    NumberWrong,
    approve_code,
    decline_code,
    find_obstacle,
    needs_number,
    read_code,
    scan_code,
)
from accounts.qr_sign_in.states import QrLimited, QrUnknown, State, seconds_left, shown_state
from accounts.requests import PublicRequest, SignedInRequest
from accounts.sign_in.decorators import signed_in_page
from accounts.sign_in.next_page import next_of, with_next
from accounts.sign_in.sessions import current_enterprise
from core.qr_images import draw_svg
from core.responses import post_only, see_other, too_many_requests, unprocessable
from sms.phones import mask_phone

WAIT, CONFIRM, GONE, BUSY = (
    "accounts/qr_wait.html",
    "accounts/qr_confirm.html",
    "accounts/qr_confirm_gone.html",
    "accounts/qr_new_busy.html",
)


@post_only("accounts:login")
def qr_new(request: PublicRequest) -> HttpResponse:
    """Create a code, and return it as JSON for the sign-in page's script, or redirect to a page that shows it."""
    next_page = next_of(request)
    try:
        code = show_code(request, renews=request.POST.get("renews", ""))
    except QrLimited as limit:
        return too_many_requests(
            request, BUSY, {"next": next_page, "seconds": limit.retry_after}, retry_after=limit.retry_after
        )
    if "application/json" in request.headers.get("accept", ""):
        urls = {name: reverse(f"accounts:qr_{name}", args=[code.token]) for name in ("state", "claim")}
        return JsonResponse({"token": code.token, "image": _image(code), "urls": urls, **_poll_data(code)})
    return see_other(with_next("accounts:qr_wait", next_page, code.token))


@require_safe
def qr_wait(request: PublicRequest, token: str) -> HttpResponse:
    code = _own_code(request, token)
    if isinstance(code, HttpResponse):
        return code
    if code.state == State.CLAIMED and request.user.is_authenticated:
        return redirect(next_of(request) or "/")
    return render(request, WAIT, _wait_context(request, code))


@require_safe
def qr_state(request: PublicRequest, token: str) -> HttpResponse:
    """Return the state of this browser's code as JSON, for the polling script."""
    try:
        return JsonResponse(_poll_data(poll_code(request, token)))
    except QrUnknown:
        raise Http404 from None
    except QrLimited as limit:
        return JsonResponse({}, status=429, headers={"Retry-After": str(limit.retry_after)})


@post_only("accounts:qr_wait")
def qr_claim(request: PublicRequest, token: str) -> HttpResponse:
    next_page = next_of(request)
    try:
        claim_code(request, token)
    except QrUnknown:
        raise Http404 from None
    except QrLimited as limit:
        return too_many_requests(
            request, BUSY, {"next": next_page, "seconds": limit.retry_after}, retry_after=limit.retry_after
        )
    except (QrNotApproved, QrWithdrawn) as refusal:
        is_withdrawn = isinstance(refusal, QrWithdrawn)
        context = _wait_context(request, find_code(request, token))
        return unprocessable(request, WAIT, context | {"is_withdrawn": is_withdrawn, "is_early": not is_withdrawn})
    return see_other(next_page or "/")


@signed_in_page
@require_safe
def qr_confirm(request: SignedInRequest, token: str) -> HttpResponse:
    try:
        code = read_code(request, token)
    except (QrUnknown, QrLimited) as refusal:
        return _gone(request, refusal)
    form = QrApproveForm(needs_number=needs_number(request, code))
    return _confirm(request, code, form, status=410 if shown_state(code) == State.EXPIRED else 200)


@signed_in_page
@post_only("accounts:qr_confirm")
def qr_scan(request: SignedInRequest, token: str) -> HttpResponse:
    try:
        scan_code(request, token)
    except MayNotApprove:
        pass  # the page says why
    except (QrUnknown, QrLimited) as refusal:
        return _gone(request, refusal)
    return see_other("accounts:qr_confirm", token)


@signed_in_page
@post_only("accounts:qr_confirm")
def qr_approve(request: SignedInRequest, token: str) -> HttpResponse:
    try:
        code = read_code(request, token)
        form = QrApproveForm(request.POST, needs_number=needs_number(request, code))
        form.is_valid()
        approve_code(request, token, number=form.cleaned_data.get("number", ""))
    except MayNotApprove:
        pass  # the page says why
    except NumberWrong:
        form.add_error("number", _("Enter the two digits now shown on the computer."))
        return _confirm(request, read_code(request, token), form, status=422)
    except QrUnknown:
        return _over(request, token)
    except QrLimited as limit:
        return _gone(request, limit)
    return see_other("accounts:qr_confirm", token)


@signed_in_page
@post_only("accounts:qr_confirm")
def qr_decline(request: SignedInRequest, token: str) -> HttpResponse:
    """Decline, also after the approval, which ends the desktop's session."""
    try:
        decline_code(request, token)
    except (QrUnknown, QrLimited) as refusal:
        return _gone(request, refusal)
    return see_other("accounts:qr_confirm", token)


def _poll_data(code: QrSignIn) -> dict[str, Any]:
    """Return what the desktop polls; once scanned with the name, and the number if the phone asks for it."""
    state = State.EXPIRED if code.state == State.CLAIMED else shown_state(code)
    data = {"state": state, "seconds": seconds_left(code)}
    if state == State.SCANNED and code.user:
        data |= {"name": masked_name(code.user)}
        data |= {"number": code.number} if code.is_number_required else {}
    return data


def _image(code: QrSignIn) -> str:
    return "data:image/svg+xml;base64," + b64encode(draw_svg(address_of(code)).encode()).decode()


def _own_code(request: PublicRequest, token: str) -> QrSignIn | HttpResponse:
    try:
        return find_code(request, token)
    except QrUnknown:
        raise Http404 from None
    except QrLimited as limit:
        return too_many_requests(
            request, BUSY, {"next": "", "seconds": limit.retry_after}, retry_after=limit.retry_after
        )


def _wait_context(request: HttpRequest, code: QrSignIn) -> dict[str, Any]:
    return {
        "code": code,
        "image": _image(code),
        "poll": _poll_data(code),
        "next": next_of(request),
        "renewals": settings.ACCOUNTS_QR_RENEWALS,
        "poll_seconds": settings.ACCOUNTS_QR_POLL_SECONDS,
    }


def _confirm(request: SignedInRequest, code: QrSignIn, form: QrApproveForm, *, status: int) -> HttpResponse:
    enterprise = code.enterprise or current_enterprise(request)
    context = {
        "code": code,
        "state": shown_state(code),
        "obstacle": find_obstacle(request) if code.state in {State.NEW, State.SCANNED} else None,
        "enterprise": enterprise,
        "account": request.user.login or mask_phone(str(request.user.phone)),
        "desktop": name_browser(code.user_agent),
        "is_in": code.device_id is not None,
        "form": form,
    }
    with timezone.override(enterprise.time_zone if enterprise else settings.TIME_ZONE):
        return render(request, CONFIRM, context, status=status)


def _over(request: SignedInRequest, token: str) -> HttpResponse:
    """Show how the code ended to the person who scanned it, and to all others that it doesn't exist."""
    code = QrSignIn.objects.filter(token=token, user=request.user).first()
    if code is None:
        return _gone(request, QrUnknown())
    return _confirm(request, code, QrApproveForm(needs_number=False), status=410)


def _gone(request: SignedInRequest, refusal: QrUnknown | QrLimited) -> HttpResponse:
    if isinstance(refusal, QrLimited):
        return too_many_requests(request, GONE, {"is_limited": True}, retry_after=refusal.retry_after)
    return render(request, GONE, {}, status=404)
