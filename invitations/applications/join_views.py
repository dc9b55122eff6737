"""The join link on a phone: `/j/<token>/` leads to `/j/`, which shows the next step; the actions stand below it.

Link, then phone, then code; only who has proven a phone learns anything about phones or addresses. No GET changes a
row. The rules are asked anew at each step: a switch turned off ends every way at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.audit.recording import Actor
from accounts.clients import address_block, client_address
from accounts.models import User
from accounts.requests import PublicRequest
from accounts.sign_in.browser_codes import BrowserCodes, resend_seconds
from accounts.sign_in.forms import LoginCodeForm
from accounts.sign_in.sessions import open_session
from core.counters import CounterFull, count_up
from core.responses import see_other
from directory.domains.addresses import clean_prefix
from directory.entry.decorators import acting_as
from directory.entry.entry import enter_after_joining
from directory.entry.phone_lookup import enterprises_of
from directory.joining.actions import join_member
from directory.models import Member
from invitations.applications.apply import (
    AddressUnavailable,
    ApplyLimited,
    LinkDead,
    PhoneKnown,
    Wish,
    file_application,
    is_available,
    member_with,
    waiting_application,
)
from invitations.applications.browser_state import (
    carried_application,
    carried_link,
    consent_for,
    drop_proof,
    keep_application,
    keep_consent,
    keep_link,
    keep_proof,
    proven_for,
)
from invitations.applications.forms import JoinApplyForm, JoinPhoneForm
from invitations.applications.mailbox_suggestions import PrefixChecksSpent, count_prefix_check, suggest_prefix
from invitations.links.actions import LinkStatus, find_link, status_of
from invitations.links.settings import is_approval_required, landing_domain, notice_of, rules_of
from invitations.models import JoinLink, PrivacyNotice
from sms.codes.actions import CodeLimited, CodeRefused
from sms.codes.proof_of_work import Challenge, ProofRequired
from sms.models import PhoneCode
from sms.phones import mask_phone

PURPOSE = "apply"
PAGE = "invitations/join.html"

LinkView = Callable[[PublicRequest, JoinLink], HttpResponse]
ProvenView = Callable[[PublicRequest, JoinLink, str], HttpResponse]


def with_living_link(view: LinkView) -> Callable[[PublicRequest], HttpResponse]:
    """Pass on the link this browser opened, if it still lets people in; else answer why not."""

    @wraps(view)
    def guarded(request: PublicRequest) -> HttpResponse:
        link = carried_link(request)
        if link is None:
            return private(render(request, "invitations/join_lost.html", status=404))
        if status_of(link) != LinkStatus.ACTIVE:
            return _dead(request, link)
        return private(view(request, link))

    return guarded


def with_proven_phone(view: ProvenView) -> LinkView:
    """Pass on the phone this browser proved for the link's enterprise; without one back to that step."""

    @wraps(view)
    def guarded(request: PublicRequest, link: JoinLink) -> HttpResponse:
        phone = proven_for(request, link.enterprise)
        return view(request, link, phone) if phone else see_other("invitations:join")

    return guarded


@require_safe
def join_open(request: PublicRequest, token: str) -> HttpResponse:
    """The address in the QR code. Previews and scanners open it too, so it only takes the token out of sight."""
    link = find_link(token)
    if link is None:
        return _unknown(request)
    if status_of(link) != LinkStatus.ACTIVE:
        answer = _dead(request, link)
        answer["Referrer-Policy"] = "strict-origin"
        return answer
    answer = see_other("invitations:join")
    answer["Referrer-Policy"] = "no-referrer"
    keep_link(answer, link)
    return private(answer)


@require_safe
@with_living_link
def join(request: PublicRequest, link: JoinLink) -> HttpResponse:
    """The step this browser stands at."""
    phone = proven_for(request, link.enterprise)
    if "again" in request.GET:
        return _ask_phone(request, link)
    if phone:
        return _ask_details(request, link, phone)
    return _ask_code(request, link) if _code(request, link) else _ask_phone(request, link)


@require_POST
@with_living_link
def join_send(request: PublicRequest, link: JoinLink) -> HttpResponse:
    """A code to the number typed; the same words whoever it belongs to. Sending it agrees to the privacy notice."""
    form = JoinPhoneForm(request.POST, region=link.enterprise.region)
    notice = notice_of(rules_of(link.enterprise))
    if request.POST.get("notice") not in {None, _version(notice)}:
        form.add_error(None, _("The privacy notice has just been changed. Please read it again."))
    if not form.is_valid():
        return _ask_phone(request, link, form)
    try:
        _send(request, link, form.cleaned_data["phone"])
    except ProofRequired as wanted:
        return _ask_phone(request, link, form, retry_after=wanted.retry_after, challenge=wanted.challenge)
    except CodeLimited as limit:
        form.add_error("phone", str(limit))
        return _ask_phone(request, link, form, retry_after=limit.retry_after)
    drop_proof(request)
    keep_consent(request, link.enterprise, notice)
    return see_other("invitations:join")


@require_POST
@with_living_link
def join_resend(request: PublicRequest, link: JoinLink) -> HttpResponse:
    """Another code to the number the last one went to."""
    code = _code(request, link)
    if code is None:
        return see_other("invitations:join")
    try:
        _send(request, link, code.phone)
    except ProofRequired as wanted:
        return _ask_code(request, link, retry_after=wanted.retry_after, challenge=wanted.challenge)
    except CodeLimited as limit:
        return _ask_code(request, link, refusal=str(limit), retry_after=limit.retry_after)
    return see_other("invitations:join")


@require_POST
@with_living_link
def join_code(request: PublicRequest, link: JoinLink) -> HttpResponse:
    """The right code proves the phone."""
    form = LoginCodeForm(request.POST)
    if not form.is_valid():
        return _ask_code(request, link, form)
    try:
        code = _codes(request, link).use(form.cleaned_data["code"])
    except CodeRefused as refusal:
        form.add_error("code", str(refusal))
        return _ask_code(request, link, form, retry_after=getattr(refusal, "retry_after", 0))
    keep_proof(request, link.enterprise, code.phone)
    return see_other("invitations:join")


@require_POST
@with_living_link
@with_proven_phone
def join_prefix(request: PublicRequest, link: JoinLink, phone: str) -> HttpResponse:
    """Offer a mailbox for the name, or say whether the one typed is free; a fragment for htmx."""
    name, prefix = request.POST.get("name", ""), request.POST.get("prefix", "").strip()
    domain = landing_domain(link, rules_of(link.enterprise))
    form = JoinApplyForm(initial={"name": name, "prefix": prefix})
    context: dict[str, Any] = {"form": form, "domain": domain}
    try:
        count_prefix_check(phone)
        if not prefix or prefix == request.POST.get("suggested"):
            form.initial["prefix"] = context["suggested"] = suggest_prefix(name, domain)
            context["is_free"] = bool(context["suggested"])
        else:
            context["is_free"] = is_available(clean_prefix(prefix), domain)
            context["is_taken"] = not context["is_free"]
    except ValidationError as refused:
        context["refusal"] = " ".join(refused.messages)
    except PrefixChecksSpent as spent:
        return _ask_details(request, link, phone, form, refusal=str(spent), retry_after=spent.retry_after)
    if getattr(request, "htmx", None):
        return render(request, "invitations/_join_address.html", context)
    return _ask_details(request, link, phone, form, context=context)


@require_POST
@with_living_link
@with_proven_phone
def join_apply(request: PublicRequest, link: JoinLink, phone: str) -> HttpResponse:
    """Joined at once, or on to the page that tells how the application stands."""
    form = JoinApplyForm(request.POST)
    if not form.is_valid():
        return _ask_details(request, link, phone, form)
    wish = Wish(**form.cleaned_data)
    try:
        by, consent = _applicant(request, wish.name, phone), consent_for(request, link.enterprise)
        application = file_application(link, wish, phone=phone, by=by, consent=consent)
    except LinkDead:
        return _dead(request, link)
    except PhoneKnown:
        return see_other("invitations:join")
    except ApplyLimited as limit:
        return _ask_details(request, link, phone, form, refusal=str(limit), retry_after=limit.retry_after)
    except ValidationError as error:
        return _refuse(request, link, phone, form, error)
    if application.member:
        return _enter(request, application.member)
    drop_proof(request)
    answer = see_other("invitations:join_status")
    keep_application(answer, application)
    return answer


@require_POST
@with_living_link
@with_proven_phone
def join_as_member(request: PublicRequest, link: JoinLink, phone: str) -> HttpResponse:
    """Join as the member whose phone on record was proven: no stranger, and no application."""
    member = member_with(phone, link.enterprise)
    if member is None:
        return see_other("invitations:join")
    try:
        join_member(member, phone=phone, by=acting_as(request, member))
    except ValidationError:
        return see_other("invitations:join")
    return _enter(request, member)


def private(answer: HttpResponse) -> HttpResponse:
    answer["Cache-Control"] = "no-store"
    answer["X-Robots-Tag"] = "noindex"
    return answer


def _ask_phone(
    request: PublicRequest,
    link: JoinLink,
    form: JoinPhoneForm | None = None,
    *,
    retry_after: int = 0,
    challenge: Challenge | None = None,
) -> HttpResponse:
    rules = rules_of(link.enterprise)
    context = {
        "step": "phone",
        "form": form or JoinPhoneForm(region=link.enterprise.region),
        "rules": rules,
        "version": _version(notice_of(rules)),
        "waits": _own_application(request, link),
        "challenge": challenge,
    }
    return _answer(request, link, context, is_refused=form is not None, retry_after=retry_after)


def _version(notice: PrivacyNotice | None) -> str:
    """As the form carries which text its reader has before them."""
    return str(notice.number if notice else 0)


def _ask_code(
    request: PublicRequest,
    link: JoinLink,
    form: LoginCodeForm | None = None,
    *,
    refusal: str = "",
    retry_after: int = 0,
    challenge: Challenge | None = None,
) -> HttpResponse:
    code = _code(request, link)
    context = {
        "step": "code",
        "form": form or LoginCodeForm(),
        "phone": mask_phone(code.phone) if code else "",
        "wait": max(0 if challenge else retry_after, resend_seconds(code)),
        "refusal": refusal,
        "challenge": challenge,
    }
    return _answer(request, link, context, is_refused=form is not None, retry_after=retry_after)


def _ask_details(
    request: PublicRequest,
    link: JoinLink,
    phone: str,
    form: JoinApplyForm | None = None,
    *,
    refusal: str = "",
    retry_after: int = 0,
    context: dict[str, Any] | None = None,
) -> HttpResponse:
    """Name and address; but who is known by this phone already is told how they stand."""
    waiting = waiting_application(phone, link.enterprise)
    if waiting:
        answer = see_other("invitations:join_status")
        keep_application(answer, waiting)
        return answer
    rules = rules_of(link.enterprise)
    member = member_with(phone, link.enterprise)
    whole = {
        "step": "member" if member else "details",
        "form": form or JoinApplyForm(),
        "member": member,
        "phone": mask_phone(phone),
        "domain": landing_domain(link, rules),
        "is_approved_first": is_approval_required(link, rules),
        "refusal": refusal,
        **(context or {}),
    }
    is_refused = form is not None and form.is_bound
    return _answer(request, link, whole, is_refused=is_refused, retry_after=retry_after)


def _answer(
    request: PublicRequest, link: JoinLink, context: dict[str, Any], *, is_refused: bool, retry_after: int
) -> HttpResponse:
    status = 429 if retry_after else 422 if is_refused else 200
    context |= {"enterprise": link.enterprise, "inviter": link.inviter}
    if request.method == "POST":
        context["here"] = reverse("invitations:join")
    answer = render(request, PAGE, context, status=status)
    if retry_after:
        answer["Retry-After"] = str(max(1, retry_after))
    return answer


def _refuse(
    request: PublicRequest, link: JoinLink, phone: str, form: JoinApplyForm, error: ValidationError
) -> HttpResponse:
    """That an address is not available is an answer that counts."""
    try:
        if isinstance(error, AddressUnavailable):
            count_prefix_check(phone)
    except PrefixChecksSpent as spent:
        return _ask_details(request, link, phone, form, refusal=str(spent), retry_after=spent.retry_after)
    form.add_error(None, error)
    return _ask_details(request, link, phone, form)


def _unknown(request: PublicRequest) -> HttpResponse:
    """A token we never issued. Whoever tries many is slowed down, and learns no more by it."""
    answer = private(render(request, "invitations/join_unknown.html", status=404))
    try:
        key = f"unknown link:{address_block(client_address(request))}"
        count_up(key, seconds=60, most=settings.JOIN_UNKNOWN_PER_MINUTE)
    except CounterFull as full:
        answer.status_code = 429
        answer["Retry-After"] = str(full.retry_after)
    return answer


def _dead(request: PublicRequest, link: JoinLink) -> HttpResponse:
    """Why the link leads nowhere; not a word of a field to fill."""
    has_applied = carried_application(request) is not None
    context = {"status": status_of(link), "enterprise": link.enterprise, "has_applied": has_applied}
    return private(render(request, "invitations/join_dead.html", context, status=410))


def _enter(request: PublicRequest, member: Member) -> HttpResponse:
    """Sign this browser in as the member who has just joined."""
    member.refresh_from_db()
    assert isinstance(member.user, User)
    drop_proof(request)
    open_session(request, member.user, method="code")
    enter_after_joining(request, member)
    return see_other("directory:mailbox")


def _send(request: PublicRequest, link: JoinLink, phone: str) -> PhoneCode:
    listed = bool(enterprises_of(phone))
    return _codes(request, link).send(phone, enterprise=link.enterprise, is_listed=listed)


def _code(request: PublicRequest, link: JoinLink) -> PhoneCode | None:
    return _codes(request, link).sent()


def _codes(request: PublicRequest, link: JoinLink) -> BrowserCodes:
    """A code proves a phone for one enterprise."""
    return BrowserCodes(request, PURPOSE, f"enterprise:{link.enterprise_id}")


def _own_application(request: PublicRequest, link: JoinLink) -> bool:
    """Whether this browser's application to the same enterprise still waits."""
    application = carried_application(request)
    return bool(application and application.enterprise_id == link.enterprise_id and application.is_pending)


def _applicant(request: PublicRequest, name: str, phone: str) -> Actor:
    """The author of what an applicant does, who is nobody's user yet."""
    origin = request.actor
    user = origin.user if origin.user and str(origin.user.phone) == phone else None
    words = name or _("An applicant")
    return Actor(user=user, name=words, ip=origin.ip, user_agent=origin.user_agent, request_id=origin.request_id)
