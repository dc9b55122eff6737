"""The status of an application, in the browser that filed it or by the link in the SMS about the decision."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.requests import PublicRequest
from core.responses import post_only, private, see_other
from directory.entry.decorators import actor_with_phone
from invitations.applications.apply import withdraw_application
from invitations.applications.browser_state import carried_application, keep_application, keep_link
from invitations.applications.join_step_views import closed_page
from invitations.links.actions import LinkStatus, default_link, digest_of, status_of
from invitations.models import Application


@require_safe
def decision_open(request: PublicRequest, token: str) -> HttpResponse:
    """Move the token from the URL, which the SMS holds, to a cookie."""
    application = Application.objects.filter(token_digest=digest_of(token)).first()
    if application is None:
        context = {"days": settings.APPLICATION_KEPT_DAYS}
        return private(render(request, "invitations/join_status_erased.html", context, status=404))
    response = see_other("invitations:join_status")
    response["Referrer-Policy"] = "no-referrer"
    keep_application(response, application)
    return private(response)


@require_safe
def join_status(request: PublicRequest) -> HttpResponse:
    application = carried_application(request)
    if application is None:
        return private(render(request, "invitations/join_status_lost.html", status=404))
    context = {"application": application, "enterprise": application.enterprise}
    return private(render(request, "invitations/join_status.html", context))


@post_only("invitations:join_status")
def join_again(request: PublicRequest) -> HttpResponse:
    """Open the link of a rejected or withdrawn application again, if it still lets people in."""
    application = carried_application(request)
    if application is None or not application.may_be_replaced:
        return see_other("invitations:join_status")
    link = application.link or default_link(application.enterprise)
    if status_of(link) != LinkStatus.ACTIVE:
        return closed_page(request, link)
    response = see_other("invitations:join")
    keep_link(response, link)
    return private(response)


@post_only("invitations:join_status")
def join_withdraw(request: PublicRequest) -> HttpResponse:
    application = carried_application(request)
    if application is None:
        return see_other("invitations:join_status")
    if not withdraw_application(application, by=actor_with_phone(request, None, name=application.name)):
        messages.info(request, _("Your request was reviewed just before you withdrew it."))
    return see_other("invitations:join_status")
