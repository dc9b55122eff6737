"""The join link, once the phone number is verified: choose an address and apply, or join as a known member."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.requests import PublicRequest
from accounts.sign_in.sessions import open_session
from core.responses import post_only, see_other
from directory.admission import member_with_phone
from directory.domains.addresses import clean_prefix
from directory.entry.decorators import acting_as, actor_with_phone
from directory.entry.entry import enter_after_joining
from directory.joining.actions import join_member
from directory.models import Domain, Member
from invitations.applications.apply import (
    AddressUnavailable,
    ApplicationInput,
    ApplyLimited,
    LinkDead,
    PhoneKnown,
    file_application,
    is_available,
)
from invitations.applications.browser_state import consent_for, drop_proof, keep_application
from invitations.applications.forms import JoinApplyForm
from invitations.applications.join_step_views import closed_page, details_page, with_open_link, with_verified_phone
from invitations.applications.mailbox_suggestions import count_prefix_check, suggest_prefix
from invitations.links.settings import landing_domain, rules_of
from invitations.models import Application, JoinLink


@post_only()
@with_open_link
@with_verified_phone
def join_prefix(request: PublicRequest, link: JoinLink, phone: str) -> HttpResponse:
    """Suggest a mailbox for the name, or tell if the one entered is available; a fragment for htmx."""
    form = JoinApplyForm(initial={"name": request.POST.get("name", ""), "prefix": request.POST.get("prefix", "")})
    domain = landing_domain(link, rules_of(link.enterprise))
    context: dict[str, Any] = {"form": form, "domain": domain}
    try:
        count_prefix_check(phone)
        context |= _check_prefix(form, domain, suggested=request.POST.get("suggested"))
    except ValidationError as error:
        context["refusal"] = " ".join(error.messages)
    except ApplyLimited as limit:
        return details_page(request, link, phone, form, limit=limit)
    if getattr(request, "htmx", None):
        return render(request, "invitations/_join_address.html", context)
    return details_page(request, link, phone, form, context=context)


@post_only("invitations:join")
@with_open_link
@with_verified_phone
def join_apply(request: PublicRequest, link: JoinLink, phone: str) -> HttpResponse:
    """File the application; enter if the applicant has joined at once, else go to the status page."""
    form = JoinApplyForm(request.POST)
    if not form.is_valid():
        return details_page(request, link, phone, form)
    try:
        application = _file_application(request, link, phone, ApplicationInput(**form.cleaned_data))
    except LinkDead:
        return closed_page(request, link)
    except PhoneKnown:
        return see_other("invitations:join")
    except ApplyLimited as limit:
        return details_page(request, link, phone, form, limit=limit)
    except ValidationError as error:
        form.add_error(None, error)
        return details_page(request, link, phone, form)
    if application.member:
        return _enter(request, application.member)
    drop_proof(request)
    response = see_other("invitations:join_status")
    keep_application(response, application)
    return response


@post_only("invitations:join")
@with_open_link
@with_verified_phone
def join_as_member(request: PublicRequest, link: JoinLink, phone: str) -> HttpResponse:
    """Join as the member who has this number, without an application."""
    member = member_with_phone(link.enterprise, phone)
    if member is None:
        return see_other("invitations:join")
    try:
        join_member(member, phone=phone, by=acting_as(request, member))
    except ValidationError:
        return see_other("invitations:join")
    return _enter(request, member)


def _check_prefix(form: JoinApplyForm, domain: Domain, *, suggested: str | None) -> dict[str, Any]:
    """Suggest a prefix if the form has none but the last suggestion, else check the form's."""
    prefix = form.initial["prefix"] = form.initial["prefix"].strip()
    if prefix and prefix != suggested:
        is_free = is_available(clean_prefix(prefix), domain)
        return {"is_free": is_free, "is_taken": not is_free}
    form.initial["prefix"] = suggest_prefix(form.initial["name"], domain)
    return {"suggested": form.initial["prefix"], "is_free": bool(form.initial["prefix"])}


def _file_application(request: PublicRequest, link: JoinLink, phone: str, typed: ApplicationInput) -> Application:
    by = actor_with_phone(request, phone, name=typed.name or _("An applicant"))
    try:
        return file_application(link, typed, phone=phone, by=by, consent=consent_for(request, link.enterprise))
    except AddressUnavailable:
        # It tells as much as a check of the address, so it counts as one.
        count_prefix_check(phone)
        raise


def _enter(request: PublicRequest, member: Member) -> HttpResponse:
    """Sign in as the member who has just joined."""
    member.refresh_from_db()
    assert isinstance(member.user, User)
    drop_proof(request)
    open_session(request, member.user, method="code")
    enter_after_joining(request, member)
    return see_other("directory:mailbox")
