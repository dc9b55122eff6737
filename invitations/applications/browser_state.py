"""What a browser on its way in carries: the link it opened, the phone it proved, the application it filed.

Link and application stand in signed cookies, by id; the proof in the session, for one enterprise and half an hour.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.models import Enterprise
from accounts.sign_in.sessions import renew_key
from invitations.applications.apply import Consent
from invitations.links.actions import get_link, reference_of
from invitations.models import Application, JoinLink, PrivacyNotice

LINK, LINK_SECONDS = "joining", 3600
APPLICATION, APPLICATION_SECONDS = "application", 30 * 86400
SALT = "invitations."
PROOF_KEY, CONSENT_KEY = "join_proof", "join_consent"  # in the session


def keep_link(answer: HttpResponse, link: JoinLink) -> None:
    _keep(answer, LINK, reference_of(link), LINK_SECONDS)


def carried_link(request: HttpRequest) -> JoinLink | None:
    """The link that this browser opened within the hour."""
    mark = _carried(request, LINK, LINK_SECONDS)
    return get_link(mark) if mark else None


def keep_application(answer: HttpResponse, application: Application) -> None:
    _keep(answer, APPLICATION, str(application.pk), APPLICATION_SECONDS)


def carried_application(request: HttpRequest) -> Application | None:
    id = _carried(request, APPLICATION, APPLICATION_SECONDS)
    applications = Application.objects.select_related("enterprise", "domain", "member", "inviter", "link")
    return applications.filter(pk=int(id)).first() if id else None


def keep_proof(request: HttpRequest, enterprise: Enterprise, phone: str) -> None:
    """`phone` was proven by a code sent for this enterprise."""
    renew_key(request)
    request.session[PROOF_KEY] = [enterprise.pk, phone, int(time.time())]


def proven_for(request: HttpRequest, enterprise: Enterprise) -> str | None:
    """The phone (E.164) this browser proved for the enterprise a short while ago."""
    id, phone, at = request.session.get(PROOF_KEY, (0, "", 0))
    is_fresh = time.time() - at < settings.JOIN_PROOF_SECONDS
    return phone if id == enterprise.pk and is_fresh else None


def keep_consent(request: HttpRequest, enterprise: Enterprise, notice: PrivacyNotice | None) -> None:
    """Whoever sits here has just agreed to this text; None: the general one."""
    request.session[CONSENT_KEY] = [enterprise.pk, notice.pk if notice else None, int(time.time())]


def consent_for(request: HttpRequest, enterprise: Enterprise) -> Consent | None:
    """What was agreed to in this browser, and when; whoever proved a phone for the enterprise has."""
    id, notice, at = request.session.get(CONSENT_KEY, (0, None, 0))
    return Consent(datetime.fromtimestamp(at, tz=UTC), notice) if id == enterprise.pk else None


def drop_proof(request: HttpRequest) -> None:
    request.session.pop(PROOF_KEY, None)


def _keep(answer: HttpResponse, name: str, value: str, seconds: int) -> None:
    answer.set_signed_cookie(
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
