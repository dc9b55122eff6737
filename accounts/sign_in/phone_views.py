"""The views of a sign-in by phone: one page asks for the number, a second one for the code sent to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render

from accounts.requests import PublicRequest
from accounts.sign_in.browser_codes import resend_seconds
from accounts.sign_in.by_code import PURPOSE, outstanding_code, send_login_code
from accounts.sign_in.forms import LoginCodeForm, LoginForm
from accounts.sign_in.next_page import next_of, with_next
from core.responses import see_other, too_many_requests, unprocessable
from sms.codes.actions import CodeRefused, CodeSpent
from sms.codes.limits import CodeLimited
from sms.codes.proof_of_work import challenge_of
from sms.models import PhoneCode
from sms.phones import mask_phone


@dataclass(frozen=True)
class PhoneSteps:
    """URL names and templates of the two pages, and what their codes are for.

    `verify` uses up the code and signs in; it raises CodeRefused. `context` is added to that of both pages.
    """

    phone_page: str
    code_page: str
    phone_template: str
    code_template: str
    verify: Callable[[str], None]
    purpose: str = PURPOSE
    subject: str = ""
    context: dict[str, Any] = field(default_factory=dict)

    def outstanding(self, request: PublicRequest) -> PhoneCode | None:
        return outstanding_code(request, purpose=self.purpose, subject=self.subject)

    def send(self, request: PublicRequest, phone: str) -> None:
        send_login_code(request, phone, purpose=self.purpose, subject=self.subject)


def ask_phone(request: PublicRequest, steps: PhoneSteps) -> HttpResponse:
    """Show the page for the number, or send a code and redirect to the page for it."""
    next_page = next_of(request)
    form = LoginForm(request.POST if request.method == "POST" else None)
    context = steps.context | {"form": form, "next": next_page, "challenge": None}
    if request.method != "POST":
        return render(request, steps.phone_template, context)
    if not form.is_valid():
        return unprocessable(request, steps.phone_template, context)
    try:
        steps.send(request, form.cleaned_data["phone"])
    except CodeLimited as limit:
        context["challenge"] = challenge_of(limit)
        if not context["challenge"]:
            form.add_error("phone", str(limit))
        context["has_code"] = steps.outstanding(request) is not None
        return too_many_requests(request, steps.phone_template, context, retry_after=limit.retry_after)
    return see_other(with_next(steps.code_page, next_page))


def ask_code(request: PublicRequest, steps: PhoneSteps) -> HttpResponse:
    """Show the page for the code, or verify it and redirect to `next`."""
    next_page = next_of(request)
    code = steps.outstanding(request)
    if code is None:
        return redirect(with_next(steps.phone_page, next_page))
    form = LoginCodeForm(request.POST if request.method == "POST" else None)
    context = _code_context(steps, form, code, next_page)
    if request.method != "POST":
        return render(request, steps.code_template, context)
    if not form.is_valid():
        return unprocessable(request, steps.code_template, context)
    try:
        steps.verify(form.cleaned_data["code"])
    except CodeSpent as spent:
        form.add_error("code", str(spent))
        return too_many_requests(request, steps.code_template, context, retry_after=spent.retry_after)
    except CodeRefused as wrong:
        form.add_error("code", str(wrong))
        return unprocessable(request, steps.code_template, context)
    # A person without a user is offered to join at "/"; `next` would ask them to sign in again.
    return see_other(next_page if next_page and request.user.is_authenticated else "/")


def send_code_again(request: PublicRequest, steps: PhoneSteps) -> HttpResponse:
    """Send another code to the same number."""
    next_page = next_of(request)
    code = steps.outstanding(request)
    if code is None:
        return see_other(with_next(steps.phone_page, next_page))
    here = with_next(steps.code_page, next_page)
    try:
        steps.send(request, code.phone)
    except CodeLimited as limit:
        challenge = challenge_of(limit)
        context = _code_context(steps, LoginCodeForm(), code, next_page) | {"challenge": challenge, "here": here}
        context["limit"] = "" if challenge else str(limit)
        return too_many_requests(request, steps.code_template, context, retry_after=limit.retry_after)
    return see_other(here)


def _code_context(steps: PhoneSteps, form: LoginCodeForm, code: PhoneCode, next_page: str) -> dict[str, Any]:
    return steps.context | {
        "form": form,
        "next": next_page,
        "steps": steps,
        "phone": mask_phone(code.phone),
        "minutes": settings.SMS_CODE_SECONDS // 60,
        "resend_seconds": resend_seconds(code),
        "challenge": None,
    }
