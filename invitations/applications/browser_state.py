"""What a browser keeps during the join flow: the link it opened, the number it verified, the application it filed.

Signed cookies hold the ids of link and application; the session holds the verified number, for one enterprise.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.models import Enterprise
from accounts.sign_in.browser_codes import BrowserCodes
from accounts.sign_in.sessions import renew_key
from invitations.applications.apply import Consent
from invitations.links.actions import get_link, reference_of
from invitations.models import Application, JoinLink, PrivacyNotice
from sms.codes.budgets import subject_of

LINK, LINK_SECONDS = "joining", 3600
APPLICATION, APPLICATION_SECONDS = "application", 30 * 86400
SALT = "invitations."
PROOF_KEY, CONSENT_KEY = "join_proof", "join_consent"  # in the session


def keep_link(response: HttpResponse, link: JoinLink) -> None:
    _keep(response, LINK, reference_of(link), LINK_SECONDS)


def carried_link(request: HttpRequest) -> JoinLink | None:
    """Return the link that this browser opened in the last hour."""
    mark = _carried(request, LINK, LINK_SECONDS)
    return get_link(mark) if mark else None


def keep_application(response: HttpResponse, application: Application) -> None:
    _keep(response, APPLICATION, str(application.pk), APPLICATION_SECONDS)


def carried_application(request: HttpRequest) -> Application | None:
    id = _carried(request, APPLICATION, APPLICATION_SECONDS)
    applications = Application.objects.select_related("enterprise", "domain", "member", "inviter", "link")
    return applications.filter(pk=int(id)).first() if id else None


def keep_proof(request: HttpRequest, enterprise: Enterprise, phone: str) -> None:
    """Remember that `phone` (E.164) was verified for this enterprise."""
    renew_key(request)
    request.session[PROOF_KEY] = [enterprise.pk, phone, int(time.time())]


def proven_for(request: HttpRequest, enterprise: Enterprise) -> str | None:
    """Return the number (E.164) that was verified for this enterprise within JOIN_PROOF_SECONDS."""
    id, phone, at = request.session.get(PROOF_KEY, (0, "", 0))
    is_fresh = time.time() - at < settings.JOIN_PROOF_SECONDS
    return phone if id == enterprise.pk and is_fresh else None


def keep_consent(request: HttpRequest, enterprise: Enterprise, notice: PrivacyNotice | None) -> None:
    """Remember the consent to this notice; None is the general text."""
    request.session[CONSENT_KEY] = [enterprise.pk, notice.pk if notice else None, int(time.time())]


def consent_for(request: HttpRequest, enterprise: Enterprise) -> Consent | None:
    """Return the consent given in this browser for this enterprise."""
    id, notice, at = request.session.get(CONSENT_KEY, (0, None, 0))
    return Consent(datetime.fromtimestamp(at, tz=UTC), notice) if id == enterprise.pk else None


def codes_for(request: HttpRequest, enterprise: Enterprise) -> BrowserCodes:
    """Return the browser's codes that verify a phone number for this enterprise."""
    return BrowserCodes(request, "apply", subject_of(enterprise.pk))


def drop_proof(request: HttpRequest) -> None:
    request.session.pop(PROOF_KEY, None)


def _keep(response: HttpResponse, name: str, value: str, seconds: int) -> None:
    response.set_signed_cookie(
        _cookie(name),
        value,
        salt=SALT + name,
        max_age=seconds,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )


def _carried(request: HttpRequest, name: str, seconds: int) -> str:
    return request.get_signed_cookie(_cookie(name), default="", salt=SALT + name, max_age=seconds) or ""


def _cookie(name: str) -> str:
    return f"__Host-{name}" if settings.IS_HTTPS else name
