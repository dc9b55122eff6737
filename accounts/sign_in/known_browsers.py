"""Browsers in which a user has entered an enterprise; there the code rule still accepts a phone code, and codes for the
user's number are asked for at the proven door (docs/limits.md).

A browser is identified by the secret in its cookie (accounts.clients). A session stores a mark, a digest of user and
secret; the table stores a digest of mark and enterprise. Neither reveals the secret or links different users of a
browser, and the mark is enough to forget the browser in all enterprises. The digests need no key, because secrets have
128 random bits: browsers stay known when SECRET_KEY is changed.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from accounts.models import Enterprise, KnownBrowser, User


def remember_browser(user: User, enterprise: Enterprise, *, browser: str) -> str:
    """Store that the user has entered the enterprise in this browser. Return the mark for `forget_browser`."""
    mark = _mark(user.pk, browser)
    row = KnownBrowser(user=user, enterprise=enterprise, key=_key(mark, enterprise.pk), seen_at=timezone.now())
    KnownBrowser.objects.bulk_create([row], update_conflicts=True, unique_fields=["key"], update_fields=["seen_at"])
    return mark


def is_known_browser(user: User, enterprise: Enterprise, *, browser: str) -> bool:
    """True if the user has entered the enterprise in this browser within ACCOUNTS_KNOWN_BROWSER_DAYS."""
    known = KnownBrowser.objects.filter(key=_key(_mark(user.pk, browser), enterprise.pk))
    return known.filter(seen_at__gt=_oldest()).exists()


def is_browser_of_phone(phone: str, *, browser: str) -> bool:
    """True if the user of this number (E.164) is known in this browser, in any enterprise.

    Execute one statement, the same for a known and an unknown number.
    """
    known = KnownBrowser.objects.filter(user__phone=phone, user__is_active=True, seen_at__gt=_oldest())
    rows = known.values_list("user", "enterprise", "key")
    return any(key == _key(_mark(user, browser), enterprise) for user, enterprise, key in rows)


def forget_browsers(*users: User, enterprise: Enterprise | None = None) -> None:
    """Forget these users' browsers, in all enterprises or in one."""
    known = KnownBrowser.objects.filter(user__in=users)
    (known.filter(enterprise=enterprise) if enterprise else known).delete()


def forget_browser(user: User, mark: str) -> None:
    """Forget the browser with this mark in all enterprises."""
    known = KnownBrowser.objects.filter(user=user)
    keys = [_key(mark, enterprise) for enterprise in known.values_list("enterprise", flat=True).distinct()]
    known.filter(key__in=keys).delete()


def delete_expired_browsers() -> int:
    """Delete expired rows, and return how many."""
    return KnownBrowser.objects.filter(seen_at__lte=_oldest()).delete()[0]


def _oldest() -> datetime:
    return timezone.now() - timedelta(days=settings.ACCOUNTS_KNOWN_BROWSER_DAYS)


def _mark(user: int, browser: str) -> str:
    return _digest(f"{user} {browser}")


def _key(mark: str, enterprise: int) -> str:
    return _digest(f"{mark} {enterprise}")


def _digest(text: str) -> str:
    return hashlib.sha256(f"known browser {text}".encode()).hexdigest()
