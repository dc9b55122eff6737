"""The browsers in which a person was inside an enterprise: there a phone code still leads in where others must scan.

A browser is known by the secret in its cookie (accounts.browsers). The table keeps an HMAC of secret, user and
enterprise, so neither the secret nor what else was done in that browser can be read from it.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from accounts.models import Enterprise, KnownBrowser, User
from sms.seal import derive_key


def note_browser(user: User, enterprise: Enterprise, *, browser: str) -> str:
    """The user is inside the enterprise in this browser now. The key it is known by from now on."""
    row = KnownBrowser(user=user, enterprise=enterprise, key=_key(user, enterprise, browser), seen_at=timezone.now())
    KnownBrowser.objects.bulk_create([row], update_conflicts=True, unique_fields=["key"], update_fields=["seen_at"])
    return row.key


def is_known_browser(user: User, enterprise: Enterprise, *, browser: str) -> bool:
    """Whether the user was inside the enterprise in this browser within ACCOUNTS_KNOWN_BROWSER_DAYS."""
    known = KnownBrowser.objects.filter(key=_key(user, enterprise, browser))
    return known.filter(seen_at__gt=_forgotten_before()).exists()


def forget_browsers(user: User, *, enterprise: Enterprise | None = None) -> None:
    """Forget the user's browsers, all or those of one enterprise."""
    known = KnownBrowser.objects.filter(user=user)
    (known.filter(enterprise=enterprise) if enterprise else known).delete()


def forget_browser(user: User, key: str) -> None:
    """Forget the one that `note_browser` gave this key."""
    KnownBrowser.objects.filter(user=user, key=key).delete()


def purge_browsers() -> int:
    """Delete what is forgotten anyway. How many there were."""
    return KnownBrowser.objects.filter(seen_at__lte=_forgotten_before()).delete()[0]


def _forgotten_before() -> datetime:
    return timezone.now() - timedelta(days=settings.ACCOUNTS_KNOWN_BROWSER_DAYS)


def _key(user: User, enterprise: Enterprise, browser: str) -> str:
    known = f"{user.pk} {enterprise.pk} {browser}"
    return hmac.new(derive_key(settings.SECRET_KEY, "known browser"), known.encode(), hashlib.sha256).hexdigest()
