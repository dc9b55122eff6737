"""Where a provider reports. Nobody signs in here: a signature over the whole report is what proves its sender."""

from __future__ import annotations

import re

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from twilio.request_validator import RequestValidator

from sms.outbox.reports import note_report

BODY_BYTES = 16 * 1024
FORM = "application/x-www-form-urlencoded"
# What we read, and how it must look: the signature runs names and values together without a sign between them.
KNOWN = {
    "AccountSid": r"AC[0-9a-f]{32}",
    "MessageSid": r"(SM|MM)[0-9a-f]{32}",
    "MessageStatus": r"[a-z_-]{1,32}",
    "ErrorCode": r"\d{0,9}",
}


@csrf_exempt
@require_POST
def twilio_status(request: HttpRequest) -> HttpResponse:
    """200 for what was applied, kept, or stale; 403 on any doubt about who sends it."""
    report = _signed_report(request)
    note_report(report["MessageSid"], report["MessageStatus"], error=report["ErrorCode"].lstrip("0"))
    return HttpResponse()


def _signed_report(request: HttpRequest) -> dict[str, str]:
    """Raises PermissionDenied. The validator of the library fails on a missing header or another kind of body, and
    takes an empty token for one: all of that is asked first."""
    signature = request.headers.get("X-Twilio-Signature", "")
    if not settings.TWILIO_AUTH_TOKEN or not signature or request.content_type != FORM or request.GET:
        raise PermissionDenied
    if not request.headers.get("Content-Length", "").isdecimal():
        raise PermissionDenied
    if int(request.headers["Content-Length"]) > BODY_BYTES:
        raise PermissionDenied
    typed = request.POST
    # The address as we gave it to Twilio, whatever the Host header says.
    url = f"{settings.PUBLIC_URL}{reverse('sms:twilio_status')}"
    if not RequestValidator(settings.TWILIO_AUTH_TOKEN).validate(url, typed, signature):
        raise PermissionDenied
    if any(len(values) != 1 for _name, values in typed.lists()):
        raise PermissionDenied
    report = {name: typed.get(name, "") for name in KNOWN}
    if any(not re.fullmatch(form, report[name], re.ASCII) for name, form in KNOWN.items()):
        raise PermissionDenied
    if report["AccountSid"] != settings.TWILIO_ACCOUNT_SID:
        raise PermissionDenied
    return report
