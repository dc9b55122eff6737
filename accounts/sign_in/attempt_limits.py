"""How often a password may be tried: counted in rows before it is looked at, so that parallel guesses count too.

Ten failures in a row on a login make everyone wait there but the browsers that once signed in with it, which have a
count of their own: a stranger can't keep the owner out. An address never shuts a login out by itself (800 people may
sit behind it); one with very many failures is left one guess a login, so that spraying a password over many logins
gets a tenth as far.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil

from django.conf import settings
from django.db.models import Case, DateTimeField, F, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import ngettext

from accounts.models import AttemptCounter


class PasswordLimited(Exception):
    """This guess is not looked at. `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class Guess:
    """One try of a password: `count` it first, then say that it `failed`, `succeeded` or was `not_looked_at`."""

    def __init__(self, login: str, *, browser: str, address: str) -> None:
        self.of_browser = _key("browser", login.lower(), browser)
        self.of_login = _key("login", login.lower())
        self.of_address = _key("address", address)
        is_known = AttemptCounter.objects.filter(key=self.of_browser).exists()
        self.key = self.of_browser if is_known else self.of_login

    def count(self) -> None:
        """Raises PasswordLimited if there were too many already. One statement decides."""
        now = timezone.now()
        limit = settings.ACCOUNTS_PASSWORD_FAILURES
        _ensure(self.key, now)
        noisy = self._noisy_until(now)
        tries = AttemptCounter.objects.filter(key=self.key, failures__lt=1 if noisy else limit)
        wait = Value(now + _wait())
        counted = tries.update(
            failures=F("failures") + 1,
            wait_until=Case(When(failures=limit - 1, then=wait), output_field=DateTimeField()),
            touched_at=now,
        )
        if not counted:
            until = AttemptCounter.objects.values_list("wait_until", flat=True).get(key=self.key)
            raise PasswordLimited(_seconds(until or noisy or now, now))

    def failed(self) -> bool:
        """Count it against the address too. Whether the login has to wait from now on.

        An address's failures count together from the first of them for as long as a wait is.
        """
        now = timezone.now()
        _ensure(self.of_address, now)
        AttemptCounter.objects.filter(key=self.of_address).update(
            failures=F("failures") + 1, wait_until=Coalesce("wait_until", now + _wait()), touched_at=now
        )
        return AttemptCounter.objects.filter(key=self.key, wait_until__gt=now).exists()

    def succeeded(self) -> None:
        """Forget the failures of the login and know this browser from now on."""
        now = timezone.now()
        _ensure(self.of_browser, now)
        AttemptCounter.objects.filter(key__in=[self.of_browser, self.of_login]).update(
            failures=0, wait_until=None, touched_at=now
        )

    def not_looked_at(self) -> None:
        AttemptCounter.objects.filter(key=self.key, failures__gt=0).update(failures=F("failures") - 1, wait_until=None)

    def _noisy_until(self, now: datetime) -> datetime | None:
        """Until when this address, if it failed very often and the browser is unknown, has one guess a login."""
        if self.key == self.of_browser:
            return None
        address = AttemptCounter.objects.filter(
            key=self.of_address, failures__gte=settings.ACCOUNTS_PASSWORD_FAILURES_PER_ADDRESS, wait_until__gt=now
        ).first()
        return address.wait_until if address else None


class Tries:
    """Tries of what is no password, under several names at once, each with its limit: `count` one before it is looked
    at, and say if it `succeeded`. A name's failures count together from the first of them for as long as a wait is, or
    for `seconds`."""

    def __init__(self, what: str, limits: Mapping[str, int], *, seconds: int | None = None) -> None:
        self.wait = timedelta(seconds=seconds) if seconds else _wait()
        self.limits = {_key(what, name): limit for name, limit in limits.items()}

    def count(self) -> None:
        """Raises PasswordLimited if a name has had too many already. One statement a name decides."""
        now = timezone.now()
        for key, limit in self.limits.items():
            _ensure(key, now)
            counted = AttemptCounter.objects.filter(key=key, failures__lt=limit).update(
                failures=F("failures") + 1, wait_until=Coalesce("wait_until", now + self.wait), touched_at=now
            )
            if not counted:
                until = AttemptCounter.objects.values_list("wait_until", flat=True).get(key=key)
                raise PasswordLimited(_seconds(until or now, now))

    def succeeded(self) -> None:
        AttemptCounter.objects.filter(key__in=self.limits, failures__gt=0).update(failures=F("failures") - 1)


def wait_text(seconds: int) -> str:
    """How long to wait, to the person who tries."""
    hours, minutes = ceil(seconds / 3600), ceil(seconds / 60)
    if minutes > 120:
        return ngettext(
            "Too many tries. Please try again in %(hours)s hour.",
            "Too many tries. Please try again in %(hours)s hours.",
            hours,
        ) % {"hours": hours}
    return ngettext(
        "Too many tries. Please try again in %(minutes)s minute.",
        "Too many tries. Please try again in %(minutes)s minutes.",
        minutes,
    ) % {"minutes": minutes}


def purge_standings() -> int:
    """Forget what no longer limits anyone: failures after a day, known browsers after half a year."""
    now = timezone.now()
    stale = AttemptCounter.objects.filter(touched_at__lt=now - timedelta(days=1)).exclude(failures=0)
    old = AttemptCounter.objects.filter(touched_at__lt=now - timedelta(days=180))
    return stale.delete()[0] + old.delete()[0]


def _ensure(key: str, now: datetime) -> None:
    """There is a row for `key`, and a wait that is over has emptied it."""
    AttemptCounter.objects.bulk_create([AttemptCounter(key=key, touched_at=now)], ignore_conflicts=True)
    AttemptCounter.objects.filter(key=key, wait_until__lte=now).update(failures=0, wait_until=None)


def _wait() -> timedelta:
    return timedelta(seconds=settings.ACCOUNTS_PASSWORD_WAIT_SECONDS)


def _seconds(until: datetime, now: datetime) -> int:
    return max(1, ceil((until - now).total_seconds()))


def _key(*parts: str) -> str:
    """No login, browser secret or address can be read from the table."""
    return hmac.new(settings.SECRET_KEY.encode(), "\0".join(parts).encode(), hashlib.sha256).hexdigest()
