"""The personal invitation: `/i/<token>/` from the SMS redirects to `/i/`, which shows it, with its actions below.

The redirect replaces the token by a signed cookie with the invitation's id. No GET changes a row.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.requests import PublicRequest
from accounts.sign_in.browser_codes import BrowserCodes, resend_seconds
from accounts.sign_in.forms import LoginCodeForm
from accounts.sign_in.sessions import open_session
from core.counters import try_again_text
from core.responses import post_only, private, see_other, too_many_requests
from directory.entry.code_rule import must_scan
from directory.entry.decorators import acting_as
from directory.entry.entry import enter_after_joining
from directory.joining.actions import join_member
from directory.joining.activation_views import code_page
from directory.joining.invitations import (
    InvitationNotSent,
    LinkStatus,
    active_invitation,
    find_invitation,
    get_invitation,
    invite_member,
    link_status_of,
)
from directory.models import Invitation
from sms.codes.actions import CodeLimited, CodeRefused
from sms.models import Door
from sms.phones import mask_phone

COOKIE_SECONDS = 3600
COOKIE_SALT = "directory.invitation"
JOIN, RETURN = "join", "return"

InvitedView = Callable[[PublicRequest, Invitation], HttpResponse]


def with_active_invitation(view: InvitedView) -> Callable[[PublicRequest], HttpResponse]:
    """Pass the invitation in the cookie to the view, or show why it no longer lets its member join."""

    @wraps(view)
    def guarded(request: PublicRequest) -> HttpResponse:
        invitation = _carried(request)
        if invitation is None:
            return _lost(request)
        if link_status_of(invitation) != LinkStatus.ACTIVE:
            return _dead(request, invitation)
        return view(request, invitation)

    return guarded


@require_safe
def invitation_open(request: PublicRequest, token: str) -> HttpResponse:
    """Move the token from the URL, which the SMS holds, to a cookie. Previews and scanners open it, too."""
    invitation = find_invitation(token)
    if invitation is None:
        return private(render(request, "directory/invitation_unknown.html", status=404))
    if link_status_of(invitation) == LinkStatus.ACTIVE:
        answer: HttpResponse = see_other("directory:invitation")
        answer["Referrer-Policy"] = "no-referrer"
    else:
        answer = _dead(request, invitation)
        # "no-referrer" would make the form send "Origin: null"; this keeps the token out of every Referer, too.
        answer["Referrer-Policy"] = "strict-origin"
    _remember(answer, invitation)
    return private(answer)


@require_safe
def invitation(request: PublicRequest) -> HttpResponse:
    """Show the invitation; without one, ask for account and activation code."""
    if _carried(request) is None:
        return code_page(request)
    return with_active_invitation(_page)(request)


@post_only("directory:invitation")
@with_active_invitation
def invitation_send(request: PublicRequest, invitation: Invitation) -> HttpResponse:
    """Send a code to the number on record; nothing in the request can choose another number."""
    try:
        _codes(request, invitation).send(invitation.phone, door=Door.PROVEN, enterprise=invitation.enterprise)
    except CodeLimited as limit:
        return _page(request, invitation, refusal=str(limit), retry_after=limit.retry_after)
    return see_other("directory:invitation")


@post_only("directory:invitation")
@with_active_invitation
def invitation_join(request: PublicRequest, invitation: Invitation) -> HttpResponse:
    """Verify the code: the member joins and is signed in."""
    form = LoginCodeForm(request.POST)
    if not form.is_valid():
        return _page(request, invitation, form=form)
    try:
        code = _codes(request, invitation).use(form.cleaned_data["code"])
        by = acting_as(request, invitation.member)
        user = join_member(invitation.member, phone=code.phone, by=by, link=invitation)
    except CodeRefused as refusal:
        form.add_error("code", str(refusal))
        return _page(request, invitation, form=form, retry_after=getattr(refusal, "retry_after", 0))
    except ValidationError:
        # The member was disabled, got another number or joined elsewhere since the code was sent.
        return _dead(request, invitation)
    open_session(request, user, method="invitation")
    enter_after_joining(request, invitation.member)
    answer = see_other("directory:mailbox")
    answer.delete_cookie(_cookie_name())
    return answer


@post_only("directory:invitation")
def invitation_renew(request: PublicRequest) -> HttpResponse:
    """Send another link to the phone on record in place of an expired one."""
    invitation = _carried(request)
    if invitation is None:
        return _lost(request)
    if link_status_of(invitation) not in {LinkStatus.EXPIRED, LinkStatus.SUPERSEDED}:
        return see_other("directory:invitation")
    try:
        by = acting_as(request, invitation.member)
        invite_member(invitation.member, by=by, share=Invitation.Share.HOLDER, is_recovery=invitation.is_recovery)
    except InvitationNotSent as refusal:
        return _dead(request, invitation, retry_after=refusal.retry_after)
    return see_other("directory:invitation")


def _page(
    request: PublicRequest,
    invitation: Invitation,
    *,
    form: LoginCodeForm | None = None,
    refusal: str = "",
    retry_after: int = 0,
) -> HttpResponse:
    code = _codes(request, invitation).sent()
    context = {
        "here": reverse("directory:invitation"),
        "invitation": invitation,
        "member": invitation.member,
        "address": invitation.member.addresses.select_related("domain").filter(purpose="primary").first(),
        "enterprise": invitation.enterprise,
        "phone": mask_phone(invitation.phone),
        "code": code,
        "wait": max(retry_after, resend_seconds(code)),
        "form": form or LoginCodeForm(),
        "refusal": refusal,
        "scans_next": must_scan(invitation.member),
    }
    if retry_after:
        return private(too_many_requests(request, "directory/invitation.html", context, retry_after=retry_after))
    return private(render(request, "directory/invitation.html", context, status=422 if form else 200))


def _dead(request: PublicRequest, invitation: Invitation, *, retry_after: int = 0) -> HttpResponse:
    """Show why the link no longer works and what to do."""
    invitation.refresh_from_db()
    member = invitation.member
    status = link_status_of(invitation)
    if status == LinkStatus.ACTIVE:
        # The link is active, but the member's user is deactivated.
        status = LinkStatus.CLOSED
    context = {
        "here": reverse("directory:invitation"),
        "status": status,
        "invitation": invitation,
        "enterprise": invitation.enterprise,
        "phone": mask_phone(invitation.phone) if invitation.phone == member.phone else "",
        "may_renew": status in {LinkStatus.EXPIRED, LinkStatus.SUPERSEDED} and member.phone,
        "newer": active_invitation(member),
        "scans_next": must_scan(member),
        "wait": retry_after,
        "wait_text": try_again_text(retry_after),
    }
    if retry_after:
        return private(too_many_requests(request, "directory/invitation_dead.html", context, retry_after=retry_after))
    return private(render(request, "directory/invitation_dead.html", context, status=410))


def _lost(request: PublicRequest) -> HttpResponse:
    """Show that the browser has no invitation: its cookie has expired, or it never opened the link."""
    return private(
        render(request, "directory/invitation_lost.html", {"here": reverse("directory:invitation")}, status=404)
    )


def _purpose(invitation: Invitation) -> str:
    """Return the purpose of the code, which selects the text of the SMS."""
    return RETURN if invitation.is_recovery else JOIN


def _codes(request: PublicRequest, invitation: Invitation) -> BrowserCodes:
    """Return the browser's codes, which verify the number for this link only."""
    return BrowserCodes(request, _purpose(invitation), f"invitation:{invitation.pk}")


def _cookie_name() -> str:
    return "__Host-invitation" if settings.IS_HTTPS else "invitation"


def _remember(answer: HttpResponse, invitation: Invitation) -> None:
    answer.set_signed_cookie(
        _cookie_name(),
        str(invitation.pk),
        salt=COOKIE_SALT,
        max_age=COOKIE_SECONDS,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )


def _carried(request: PublicRequest) -> Invitation | None:
    """Return the invitation that this browser opened in the last hour."""
    id = request.get_signed_cookie(_cookie_name(), default="", salt=COOKIE_SALT, max_age=COOKIE_SECONDS)
    return get_invitation(int(id)) if id else None
