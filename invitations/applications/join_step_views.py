"""The pages of the join flow, one for each step and one for a closed link; and the conditions of its views."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.requests import PublicRequest
from accounts.sign_in.browser_codes import resend_seconds
from accounts.sign_in.forms import LoginCodeForm
from core.responses import private, see_other, too_many_requests, unprocessable
from directory.admission import member_with_phone
from invitations.applications.apply import ApplyLimited, pending_application
from invitations.applications.browser_state import (
    carried_application,
    carried_link,
    codes_for,
    keep_application,
    proven_for,
)
from invitations.applications.forms import JoinApplyForm, JoinPhoneForm
from invitations.links.actions import LinkStatus, status_of
from invitations.links.settings import is_approval_required, landing_domain, notice_of, rules_of
from invitations.models import JoinLink, PrivacyNotice
from sms.codes.proof_of_work import Challenge
from sms.phones import mask_phone

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


def phone_page(
    request: PublicRequest,
    link: JoinLink,
    form: JoinPhoneForm | None = None,
    *,
    retry_after: int = 0,
    challenge: Challenge | None = None,
) -> HttpResponse:
    """Ask for the phone number."""
    rules, application = rules_of(link.enterprise), carried_application(request)
    is_same_enterprise = application is not None and application.enterprise_id == link.enterprise_id
    context = {
        "form": form or JoinPhoneForm(region=link.enterprise.region),
        "rules": rules,
        "version": notice_version(notice_of(rules)),
        "waits": application is not None and is_same_enterprise and application.is_pending,
        "challenge": challenge,
    }
    return _page(request, link, "phone", context, is_refused=form is not None, retry_after=retry_after)


def code_page(
    request: PublicRequest,
    link: JoinLink,
    form: LoginCodeForm | None = None,
    *,
    refusal: str = "",
    retry_after: int = 0,
    challenge: Challenge | None = None,
) -> HttpResponse:
    """Ask for the code that was sent."""
    code = codes_for(request, link.enterprise).sent()
    context = {
        "form": form or LoginCodeForm(),
        "phone": mask_phone(code.phone) if code else "",
        "wait": max(0 if challenge else retry_after, resend_seconds(code)),
        "refusal": refusal,
        "challenge": challenge,
    }
    return _page(request, link, "code", context, is_refused=form is not None, retry_after=retry_after)


def details_page(
    request: PublicRequest,
    link: JoinLink,
    phone: str,
    form: JoinApplyForm | None = None,
    *,
    limit: ApplyLimited | None = None,
    context: dict[str, Any] | None = None,
) -> HttpResponse:
    """Ask for name and address, or show the member who has the number. Redirect if an application is pending."""
    if pending := pending_application(link.enterprise, phone):
        response = see_other("invitations:join_status")
        keep_application(response, pending)
        return response
    rules, member = rules_of(link.enterprise), member_with_phone(link.enterprise, phone)
    context = {
        "form": form or JoinApplyForm(initial=_earlier_input(request, link)),
        "member": member,
        "phone": mask_phone(phone),
        "domain": landing_domain(link, rules),
        "is_approved_first": is_approval_required(link, rules),
        "refusal": str(limit or ""),
        **(context or {}),
    }
    is_refused = form is not None and form.is_bound
    retry_after = limit.retry_after if limit else 0
    step = "member" if member else "details"
    return _page(request, link, step, context, is_refused=is_refused, retry_after=retry_after)


def closed_page(request: PublicRequest, link: JoinLink) -> HttpResponse:
    """Say why the link lets nobody in; the page has no field to fill in."""
    has_applied = carried_application(request) is not None
    context = {"status": status_of(link), "enterprise": link.enterprise, "has_applied": has_applied}
    return private(render(request, "invitations/join_dead.html", context, status=410))


def _earlier_input(request: PublicRequest, link: JoinLink) -> dict[str, str]:
    """Return the name of the application that this browser filed at the same enterprise before."""
    earlier = carried_application(request)
    return {"name": earlier.name} if earlier and earlier.enterprise_id == link.enterprise_id else {}


def notice_version(notice: PrivacyNotice | None) -> str:
    """Return the version that the phone form submits, so that a notice changed meanwhile is shown again."""
    return str(notice.number if notice else 0)


def _page(
    request: PublicRequest, link: JoinLink, step: str, context: dict[str, Any], *, is_refused: bool, retry_after: int
) -> HttpResponse:
    context |= {"step": step, "enterprise": link.enterprise, "inviter": link.inviter}
    if request.method == "POST":
        context["here"] = reverse("invitations:join")
    if retry_after:
        return too_many_requests(request, "invitations/join.html", context, retry_after=retry_after)
    return (unprocessable if is_refused else render)(request, "invitations/join.html", context)
