"""The webhook for delivery reports, authenticated by the provider's signature over the report."""

from __future__ import annotations

import re

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from twilio.request_validator import RequestValidator

from sms.outbox.reports import record_report

BODY_BYTES = 16 * 1024
FORM = "application/x-www-form-urlencoded"
# The fields we read and their format, checked because the signature concatenates names and values without a separator.
FIELDS = {
    "AccountSid": r"AC[0-9a-f]{32}",
    "MessageSid": r"(SM|MM)[0-9a-f]{32}",
    "MessageStatus": r"[a-z_-]{1,32}",
    "ErrorCode": r"\d{0,9}",
}


@csrf_exempt
@require_POST
def twilio_status(request: HttpRequest) -> HttpResponse:
    """Record a signed report; anything else is 403."""
    report = _signed_report(request)
    record_report(report["MessageSid"], report["MessageStatus"], error=report["ErrorCode"].lstrip("0"))
    return HttpResponse()


def _signed_report(request: HttpRequest) -> dict[str, str]:
    """Return the known fields of the report. Raise PermissionDenied unless it is well-formed and signed."""
    if not (_may_be_signed(request) and _is_signed(request)):
        raise PermissionDenied
    if any(len(values) != 1 for _name, values in request.POST.lists()):
        raise PermissionDenied
    report = {name: request.POST.get(name, "") for name in FIELDS}
    if not all(re.fullmatch(pattern, report[name], re.ASCII) for name, pattern in FIELDS.items()):
        raise PermissionDenied
    if report["AccountSid"] != settings.TWILIO_ACCOUNT_SID:
        raise PermissionDenied
    return report


def _may_be_signed(request: HttpRequest) -> bool:
    """Reject what the library's validator fails on: an empty token, a missing signature, another or a large body."""
    length = request.headers.get("Content-Length", "")
    return bool(
        settings.TWILIO_AUTH_TOKEN
        and request.headers.get("X-Twilio-Signature")
        and request.content_type == FORM
        and not request.GET
        and length.isdecimal()
        and int(length) <= BODY_BYTES
    )


def _is_signed(request: HttpRequest) -> bool:
    # The address that Twilio was given, whatever the Host header says.
    url = f"{settings.PUBLIC_URL}{reverse('sms:twilio_status')}"
    validator = RequestValidator(settings.TWILIO_AUTH_TOKEN)
    return bool(validator.validate(url, request.POST, request.headers["X-Twilio-Signature"]))
