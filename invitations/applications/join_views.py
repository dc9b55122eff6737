"""The join link, from opening it to a verified phone number: `/j/<token>/`, then `/j/`, which shows the current step.

Only a browser that has verified a phone number learns anything about phones or addresses (see `apply_views`). No GET
changes a row. Each step checks the settings again, so that closing the link ends every flow at once.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.clients import address_block, client_address
from accounts.requests import PublicRequest
from accounts.sign_in.browser_codes import door_of
from accounts.sign_in.forms import LoginCodeForm
from core.counters import CounterFull, count_up
from core.responses import post_only, private, see_other
from directory.entry.phone_lookup import enterprises_of
from invitations.applications.browser_state import (
    codes_for,
    drop_proof,
    keep_consent,
    keep_link,
    keep_proof,
    proven_for,
)
from invitations.applications.forms import JoinPhoneForm
from invitations.applications.join_step_views import (
    closed_page,
    code_page,
    details_page,
    notice_version,
    phone_page,
    with_open_link,
)
from invitations.links.actions import LinkStatus, find_link, status_of
from invitations.links.settings import notice_of, rules_of
from invitations.models import JoinLink
from sms.codes.actions import CodeLimited, CodeRefused
from sms.codes.proof_of_work import ProofRequired


@require_safe
def join_open(request: PublicRequest, token: str) -> HttpResponse:
    """Move the token from the URL, which the QR code holds, to a cookie. Previews and scanners open it, too."""
    link = find_link(token)
    if link is None:
        return _unknown_link(request)
    if status_of(link) != LinkStatus.ACTIVE:
        response = closed_page(request, link)
        response["Referrer-Policy"] = "strict-origin"
        return response
    response = see_other("invitations:join")
    response["Referrer-Policy"] = "no-referrer"
    keep_link(response, link)
    return private(response)


@require_safe
@with_open_link
def join(request: PublicRequest, link: JoinLink) -> HttpResponse:
    """Show the current step of this browser; `?again` starts over with another number."""
    if "again" in request.GET:
        return phone_page(request, link)
    if phone := proven_for(request, link.enterprise):
        return details_page(request, link, phone)
    return (code_page if codes_for(request, link.enterprise).sent() else phone_page)(request, link)


@post_only("invitations:join")
@with_open_link
def join_send(request: PublicRequest, link: JoinLink) -> HttpResponse:
    """Send a code; the response is the same for every number. Sending it is consent to the privacy notice."""
    form = JoinPhoneForm(request.POST, region=link.enterprise.region)
    notice = notice_of(rules_of(link.enterprise))
    if request.POST.get("notice") not in {None, notice_version(notice)}:
        form.add_error(None, _("The privacy notice was just updated. Read it again."))
    if not form.is_valid():
        return phone_page(request, link, form)
    try:
        _send_code(request, link, form.cleaned_data["phone"])
    except ProofRequired as limit:
        return phone_page(request, link, form, retry_after=limit.retry_after, challenge=limit.challenge)
    except CodeLimited as limit:
        form.add_error("phone", str(limit))
        return phone_page(request, link, form, retry_after=limit.retry_after)
    drop_proof(request)
    keep_consent(request, link.enterprise, notice)
    return see_other("invitations:join")


@post_only("invitations:join")
@with_open_link
def join_resend(request: PublicRequest, link: JoinLink) -> HttpResponse:
    """Send another code to the same number."""
    code = codes_for(request, link.enterprise).sent()
    if code is None:
        return see_other("invitations:join")
    try:
        _send_code(request, link, code.phone)
    except ProofRequired as limit:
        return code_page(request, link, retry_after=limit.retry_after, challenge=limit.challenge)
    except CodeLimited as limit:
        return code_page(request, link, refusal=str(limit), retry_after=limit.retry_after)
    return see_other("invitations:join")


@post_only("invitations:join")
@with_open_link
def join_code(request: PublicRequest, link: JoinLink) -> HttpResponse:
    """Verify the phone number by the code."""
    form = LoginCodeForm(request.POST)
    if not form.is_valid():
        return code_page(request, link, form)
    try:
        code = codes_for(request, link.enterprise).use(form.cleaned_data["code"])
    except CodeRefused as refusal:
        form.add_error("code", str(refusal))
        return code_page(request, link, form, retry_after=getattr(refusal, "retry_after", 0))
    keep_proof(request, link.enterprise, code.phone)
    return see_other("invitations:join")


def _send_code(request: PublicRequest, link: JoinLink, phone: str) -> None:
    codes, door = codes_for(request, link.enterprise), door_of(request, phone)
    codes.send(phone, door=door, enterprise=link.enterprise, is_listed=bool(enterprises_of(phone)))


def _unknown_link(request: PublicRequest) -> HttpResponse:
    """Answer a token that was never issued; limit the requests of an address that tries many."""
    response = private(render(request, "invitations/join_unknown.html", status=404))
    try:
        key = f"unknown link:{address_block(client_address(request))}"
        count_up(key, seconds=60, most=settings.JOIN_UNKNOWN_PER_MINUTE)
    except CounterFull as full:
        response.status_code = 429
        response["Retry-After"] = str(full.retry_after)
    return response
