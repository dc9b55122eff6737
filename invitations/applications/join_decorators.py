"""Conditions of the join flow's views: a link that is open, a phone number that is verified."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpResponse
from django.shortcuts import render

from accounts.requests import PublicRequest
from core.responses import private, see_other
from invitations.applications.browser_state import carried_link, proven_for
from invitations.applications.join_pages import closed_page
from invitations.links.actions import LinkStatus, status_of
from invitations.models import JoinLink

LinkView = Callable[[PublicRequest, JoinLink], HttpResponse]
VerifiedView = Callable[[PublicRequest, JoinLink, str], HttpResponse]


def with_open_link(view: LinkView) -> Callable[[PublicRequest], HttpResponse]:
    """Pass the link that this browser has opened to the view, or show why it lets nobody in."""

    @wraps(view)
    def guarded(request: PublicRequest) -> HttpResponse:
        link = carried_link(request)
        if link is None:
            return private(render(request, "invitations/join_lost.html", status=404))
        if status_of(link) != LinkStatus.ACTIVE:
            return closed_page(request, link)
        return private(view(request, link))

    return guarded


def with_verified_phone(view: VerifiedView) -> LinkView:
    """Pass the number (E.164) that this browser has verified for the enterprise, or redirect to that step."""

    @wraps(view)
    def guarded(request: PublicRequest, link: JoinLink) -> HttpResponse:
        phone = proven_for(request, link.enterprise)
        return view(request, link, phone) if phone else see_other("invitations:join")

    return guarded
