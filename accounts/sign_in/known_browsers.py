"""The browsers in which a person was inside an enterprise: there a phone code still leads in where others must scan.

A browser is known by the secret in its cookie (accounts.clients), of which a session keeps a mark of the user's own:
an HMAC. The table keeps an HMAC of mark and enterprise, so neither the secret nor what else was done in that browser
can be read from it; whoever has the mark can forget the browser in every enterprise.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from accounts.models import Enterprise, KnownBrowser, User
from core.encryption import derive_key


def note_browser(user: User, enterprise: Enterprise, *, browser: str) -> str:
    """The user is inside the enterprise in this browser now. The mark by which `forget_browser` finds it."""
    mark = _mark(user, browser)
    row = KnownBrowser(user=user, enterprise=enterprise, key=_key(mark, enterprise.pk), seen_at=timezone.now())
    KnownBrowser.objects.bulk_create([row], update_conflicts=True, unique_fields=["key"], update_fields=["seen_at"])
    return mark


def is_known_browser(user: User, enterprise: Enterprise, *, browser: str) -> bool:
    """Whether the user was inside the enterprise in this browser within ACCOUNTS_KNOWN_BROWSER_DAYS."""
    known = KnownBrowser.objects.filter(key=_key(_mark(user, browser), enterprise.pk))
    return known.filter(seen_at__gt=_forgotten_before()).exists()


def forget_browsers(*users: User, enterprise: Enterprise | None = None) -> None:
    """Forget these users' browsers, all or those of one enterprise."""
    known = KnownBrowser.objects.filter(user__in=users)
    (known.filter(enterprise=enterprise) if enterprise else known).delete()


def forget_browser(user: User, mark: str) -> None:
    """Forget the one that `note_browser` gave this mark, in every enterprise it was ever used for."""
    known = KnownBrowser.objects.filter(user=user)
    keys = [_key(mark, enterprise) for enterprise in known.values_list("enterprise", flat=True).distinct()]
    known.filter(key__in=keys).delete()


def delete_expired_browsers() -> int:
    """Delete what is forgotten anyway. How many there were."""
    return KnownBrowser.objects.filter(seen_at__lte=_forgotten_before()).delete()[0]


def _forgotten_before() -> datetime:
    return timezone.now() - timedelta(days=settings.ACCOUNTS_KNOWN_BROWSER_DAYS)


def _mark(user: User, browser: str) -> str:
    return _digest(f"{user.pk} {browser}")


def _key(mark: str, enterprise: int) -> str:
    return _digest(f"{mark} {enterprise}")


def _digest(text: str) -> str:
    return hmac.new(derive_key(settings.SECRET_KEY, "known browser"), text.encode(), hashlib.sha256).hexdigest()
