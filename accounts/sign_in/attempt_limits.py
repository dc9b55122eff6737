"""Limits on failed attempts at passwords, second factors and activation codes.

Every attempt is counted in the database before it is checked, so that parallel attempts cannot exceed a limit. A
refused attempt is neither checked nor counted.

Ten consecutive wrong passwords block a login for everyone except browsers that have signed in with it before, which
have a counter of their own: nobody can lock the owner out. An address alone never blocks a login, because 800 people
may share one. An address with very many failures gets one attempt per login, so that trying one password on many
logins gets a tenth as far.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import AttemptCounter
from core.counters import try_again_text
from core.encryption import keyed_digests

DELETED_AT_ONCE = 1000
# Logins and addresses are counted under so many names, known and unknown ones alike, so that invented ones fill no more
# rows. Two of 100 logins share one with a probability of 2 %, and then their failures count together.
BUCKETS = 2**18


class AttemptsExceeded(Exception):
    """An attempt was refused without being checked or counted. `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


@dataclass(frozen=True)
class AttemptLimit:
    """Allow `failures` attempts under a name within `seconds` of the first; default ACCOUNTS_PASSWORD_WAIT_SECONDS."""

    scope: str
    name: str
    failures: int
    seconds: int | None = None

    @property
    def key(self) -> str:
        return _key(self.scope, self.name)

    @property
    def period(self) -> timedelta:
        return timedelta(seconds=self.seconds) if self.seconds else _wait()


class AttemptLimiter:
    """Count attempts at a code, which several limits may concern at once.

    Call `count` before the attempt is checked, and `succeed` if it was right: only failures stay counted.
    """

    def __init__(self, *limits: AttemptLimit) -> None:
        self.limits = {limit.key: limit for limit in limits}

    def count(self) -> None:
        """Count one attempt against every limit, or against none and raise AttemptsExceeded if one is reached.

        Of several limits that are reached, the first one given determines `retry_after`.
        """
        # Without a lock first, so that a flood of refused attempts costs one SELECT each and writes nothing.
        self._refuse(_read_counters(*self.limits))
        with _locked_counters(*self.limits) as counters:
            self._refuse(counters)
            for key, limit in self.limits.items():
                _add_failure(counters[key], limit.period)

    def succeed(self) -> None:
        """Take the counted attempt back from every limit."""
        with _locked_counters(*self.limits) as counters:
            for counter in counters.values():
                counter.failures = max(0, counter.failures - 1)

    def _refuse(self, counters: dict[str, AttemptCounter]) -> None:
        for key, limit in self.limits.items():
            _refuse_at(limit.failures, counters[key])


class PasswordAttempt:
    """Count one attempt at a password: `count` it before the check, then call `fail`, `succeed` or `cancel`."""

    def __init__(self, login: str, *, browser: str, address: str) -> None:
        self.browser_key = _key("browser", login.lower(), browser)
        self.login_key = _key("login", _bucket(login.lower()))
        self.address_key = _key("address", _bucket(address))
        is_known = AttemptCounter.objects.filter(key=self.browser_key).exists()
        self.key = self.browser_key if is_known else self.login_key

    def count(self) -> None:
        """Count the attempt against the login, or against the browser if that is known; or raise AttemptsExceeded."""
        seen = _read_counters(self.key, self.address_key)
        one_only_until = self._one_only_until(seen[self.address_key])
        limit = 1 if one_only_until else settings.ACCOUNTS_PASSWORD_FAILURES
        _refuse_at(limit, seen[self.key], until=one_only_until)
        with _locked_counters(self.key) as counters:
            counter = counters[self.key]
            _refuse_at(limit, counter, until=one_only_until)
            counter.failures += 1
            if counter.failures == settings.ACCOUNTS_PASSWORD_FAILURES:
                counter.wait_until = timezone.now() + _wait()

    def fail(self) -> bool:
        """Count the failure against the address too. Return True if the login or the browser is blocked from now on."""
        with _locked_counters(self.address_key) as counters:
            _add_failure(counters[self.address_key], _wait())
        return AttemptCounter.objects.filter(key=self.key, wait_until__gt=timezone.now()).exists()

    def succeed(self) -> None:
        """Set the failures of login and browser to zero. The browser is known for this login from now on."""
        with _locked_counters(self.browser_key, self.login_key) as counters:
            for counter in counters.values():
                counter.failures, counter.wait_until = 0, None

    def cancel(self) -> None:
        """Take the counted attempt back, because the password was not checked."""
        with _locked_counters(self.key) as counters:
            counter = counters[self.key]
            counter.failures, counter.wait_until = max(0, counter.failures - 1), None

    def _one_only_until(self, address: AttemptCounter) -> datetime | None:
        """Return until when the address has one attempt per login, or None. Does not apply to a known browser."""
        is_noisy = address.failures >= settings.ACCOUNTS_PASSWORD_FAILURES_PER_ADDRESS
        return address.wait_until if is_noisy and self.key != self.browser_key else None


def wait_text(seconds: int) -> str:
    """Return the message that says how long to wait."""
    words = _("Too many attempts.")
    return f"{words} {try_again_text(seconds)}"


def delete_expired_attempts() -> int:
    """Delete failures after a day and known browsers after 180 days. Return the number of rows deleted.

    Rows that are locked by an attempt are skipped until the next run.
    """
    now = timezone.now()
    is_expired = Q(touched_at__lt=now - timedelta(days=1), failures__gt=0)
    is_expired |= Q(touched_at__lt=now - timedelta(days=180))
    expired = AttemptCounter.objects.filter(is_expired).order_by("key")
    deleted = 0
    while number := _delete_chunk(expired):
        deleted += number
    return deleted


@contextmanager
def _locked_counters(*keys: str) -> Iterator[dict[str, AttemptCounter]]:
    """Yield the counters of `keys` with their rows locked, and save them at the end, all in one transaction.

    An exception rolls everything back, including rows created for new keys.
    """
    with transaction.atomic():
        now = timezone.now()
        # This one statement both creates and locks the rows, in key order: transactions that share keys never deadlock.
        AttemptCounter.objects.bulk_create(
            [AttemptCounter(key=key, touched_at=now) for key in sorted(keys)],
            update_conflicts=True,
            unique_fields=["key"],
            update_fields=["touched_at"],
        )
        counters = _read_counters(*keys)
        yield counters
        AttemptCounter.objects.bulk_update(counters.values(), ["failures", "wait_until"])


def _read_counters(*keys: str) -> dict[str, AttemptCounter]:
    """Return the counters of `keys`: zero for a key without a row, and for one whose wait is over."""
    now = timezone.now()
    stored = AttemptCounter.objects.in_bulk(keys, field_name="key")
    counters = {key: stored.get(key) or AttemptCounter(key=key) for key in keys}
    for counter in counters.values():
        if counter.wait_until and counter.wait_until <= now:
            counter.failures, counter.wait_until = 0, None
    return counters


def _refuse_at(failures: int, counter: AttemptCounter, *, until: datetime | None = None) -> None:
    """Raise AttemptsExceeded if `counter` has reached `failures`. `until` applies if the counter has no wait itself."""
    if counter.failures >= failures:
        now = timezone.now()
        seconds = ((counter.wait_until or until or now) - now).total_seconds()
        raise AttemptsExceeded(max(1, ceil(seconds)))


def _add_failure(counter: AttemptCounter, period: timedelta) -> None:
    """Count one more failure. The first one starts the period, after which all of them expire."""
    counter.failures += 1
    counter.wait_until = counter.wait_until or timezone.now() + period


def _delete_chunk(expired: QuerySet[AttemptCounter]) -> int:
    """Delete up to DELETED_AT_ONCE rows, which are locked first: no attempt is counted in a row about to be deleted."""
    with transaction.atomic():
        ids = expired.select_for_update(skip_locked=True).values_list("pk", flat=True)[:DELETED_AT_ONCE]
        return AttemptCounter.objects.filter(pk__in=list(ids)).delete()[0]


def _wait() -> timedelta:
    return timedelta(seconds=settings.ACCOUNTS_PASSWORD_WAIT_SECONDS)


def _bucket(name: str) -> str:
    return str(int(_key("bucket", name), 16) % BUCKETS)


def _key(*parts: str) -> str:
    """Return an HMAC, so that no login, browser secret or address can be read from the table.

    A counter from before a change of SECRET_KEY is still used.
    """
    keys = keyed_digests("\0".join(parts).encode(), "attempts")
    if len(keys) == 1:
        return keys[0]
    stored = set(AttemptCounter.objects.filter(key__in=keys).values_list("key", flat=True))
    return next((key for key in keys if key in stored), keys[0])
