"""The home page, and the choice of an enterprise after sign-in."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.clients import is_hand_held
from accounts.requests import PublicRequest
from accounts.sign_in.next_page import next_of
from accounts.sign_in.sessions import PHONELESS_METHODS, open_session, proven_phone
from core.counters import try_again_text
from core.responses import post_only, see_other, too_many_requests, unprocessable
from directory.entry.decorators import acting_as, is_proven, proven_page
from directory.entry.entry import EnterpriseAccess, enter, enter_after_joining, member_of, role_of, session_access
from directory.joining.actions import join_member
from directory.joining.invitations import (
    InvitationNotSent,
    LinkStatus,
    active_invitation,
    invite_member,
    link_status_of,
)
from directory.models import Invitation
from sms.phones import mask_phone

CHOOSE = "directory/choose.html"


@never_cache
@require_safe
def home(request: PublicRequest) -> HttpResponse:
    """Redirect to sign-in, the console, the mailbox or the choice of an enterprise."""
    if not is_proven(request):
        return redirect("accounts:login")
    is_member, role = member_of(request), role_of(request)
    if role and (request.session.get("method") in PHONELESS_METHODS or not is_member):
        return redirect("invitations:overview")
    return redirect("directory:mailbox" if is_member else "directory:choose")


@proven_page
@require_safe
def choose(request: PublicRequest) -> HttpResponse:
    """Show the enterprises that the person may enter or join."""
    return render(request, CHOOSE, _choices(request))


@proven_page
@post_only("directory:choose")
def choose_enter(request: PublicRequest, id: int) -> HttpResponse:
    """Enter the enterprise with this id."""
    access = _access(request, id)
    if not access.is_allowed:
        return see_other("directory:choose")
    enter(request, access)
    return see_other(next_of(request) or "directory:home")


@proven_page
@post_only("directory:choose")
def choose_recover(request: PublicRequest, id: int) -> HttpResponse:
    """Send a recovery link to the phone on record of a member who must scan there and no longer can."""
    access = _access(request, id)
    if access.member is None or not access.needs_scan or access.needs_link:
        return see_other("directory:choose")
    try:
        by = acting_as(request, access.member)
        invite_member(access.member, by=by, share=Invitation.Share.OWNER, is_recovery=True)
    except InvitationNotSent as refusal:
        wait = refusal.retry_after
        context = _choices(request) | {"refusal": refusal.messages[0], "wait": wait, "wait_text": try_again_text(wait)}
        if not wait:
            return unprocessable(request, CHOOSE, context)
        return too_many_requests(request, CHOOSE, context, retry_after=wait)
    phone = mask_phone(access.member.phone)
    messages.success(request, _("We're sending a link to %(phone)s. Open it on that phone.") % {"phone": phone})
    return see_other("directory:choose")


@proven_page
@post_only("directory:choose")
def choose_join(request: PublicRequest, id: int) -> HttpResponse:
    """Join as the member with this id, by the number verified in this session."""
    phone = proven_phone(request)
    member = next((member for member in session_access(request).joinable if member.pk == id), None)
    if member is None or phone is None:
        raise Http404
    try:
        user = join_member(member, phone=phone, by=acting_as(request, member))
    except ValidationError as error:
        messages.error(request, error.messages[0])
        return see_other("directory:choose")
    if request.user != user:
        open_session(request, user, method="code")
    enter_after_joining(request, member)
    return see_other("directory:mailbox")


def _choices(request: PublicRequest) -> dict[str, object]:
    available = session_access(request)
    for access in available.enterprises:
        link = active_invitation(access.member) if access.member and access.needs_scan else None
        access.link = link if link and link.is_recovery and link_status_of(link) == LinkStatus.ACTIVE else None
    return {
        "here": reverse("directory:choose"),
        "session_access": available,
        "phone": mask_phone(proven_phone(request)),
        "current": request.session.get("enterprise"),
        "is_hand_held": is_hand_held(request),
        "next": next_of(request),
        "is_by_wechat": request.session.get("method") == "wechat",
    }


def _access(request: PublicRequest, id: int) -> EnterpriseAccess:
    """Return the person's access to the enterprise with this id; 404 if there is none."""
    access = next((access for access in session_access(request).enterprises if access.enterprise.pk == id), None)
    if access is None:
        raise Http404
    return access
