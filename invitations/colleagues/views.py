"""A member's own join link and QR code, available while joining is open."""

from __future__ import annotations

import functools
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import View
from directory.entry.decorators import MemberRequest, member_page
from invitations.colleagues.list import Invited, invited_by
from invitations.links.actions import colleague_link_url
from invitations.links.settings_views import png_response, svg_response
from invitations.models import Application

# Earlier ones are listed in the console.
SHOWN_MAX = 50


def while_joining_is_open(view: View) -> View:
    """Answer 404 while joining is closed."""

    @functools.wraps(view)
    def guarded(request: MemberRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.enterprise.is_joining_open:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@member_page
@while_joining_is_open
@require_safe
def colleague_list(request: MemberRequest) -> HttpResponse:
    """Show the link, the names of those who joined by it, and how many others applied."""
    applications = Application.objects.filter(enterprise=request.enterprise)
    joined = applications.filter(inviter=request.member, state=Application.State.APPROVED)
    context = {
        "enterprise": request.enterprise,
        "url": colleague_link_url(request.member),
        "invited": invited_by(applications, [request.member]).get(request.member.pk, Invited()),
        "joined": joined.order_by("-decided_at")[:SHOWN_MAX],
    }
    return render(request, "invitations/colleague_list.html", context)


@member_page
@while_joining_is_open
@require_safe
def colleague_qr_svg(request: MemberRequest) -> HttpResponse:
    return svg_response(colleague_link_url(request.member))


@member_page
@while_joining_is_open
@require_safe
def colleague_qr_png(request: MemberRequest) -> HttpResponse:
    return png_response(colleague_link_url(request.member), request.GET.get("size", "399"))
