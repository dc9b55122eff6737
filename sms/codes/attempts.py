"""Consecutive wrong codes per phone number and door (docs/limits.md, L10).

What strangers enter at the anonymous door is counted there only. That door has no waits, since its codes are few (L1);
at the proven door they grow with the failures. Both doors close at SMS_FAILURES_UNTIL_OFF.
"""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings
from django.db import transaction
from django.db.models import Case, DateTimeField, F, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from sms.codes.limits import DAY, CodeLimited, refuse_until
from sms.models import Door, PhoneAttemptCounter, PhoneCode


def lock_counter(phone: str, door: str) -> PhoneAttemptCounter:
    """Return the counter, locked until the transaction ends; it also serialises the codes of this number and door."""
    PhoneAttemptCounter.objects.bulk_create([PhoneAttemptCounter(phone=phone, door=door)], ignore_conflicts=True)
    return PhoneAttemptCounter.objects.select_for_update().get(phone=phone, door=door)


def refuse_after_failures(counter: PhoneAttemptCounter) -> None:
    """Raise CodeLimited while the door is closed for the number, or the number must wait there."""
    if counter.failures >= settings.SMS_FAILURES_UNTIL_OFF:
        # Only a person ends it, so that a day is a guess.
        raise CodeLimited(_closed_text(counter.door), int(DAY.total_seconds()))
    if counter.wait_until:
        refuse_until(counter.wait_until, _("Too many wrong codes for this number. Try again later."))


def refuse_check(code: PhoneCode) -> None:
    """Raise CodeLimited while no code of this number is checked at the door by which this one was sent."""
    if counter := PhoneAttemptCounter.objects.filter(phone=code.phone, door=code.door).first():
        refuse_after_failures(counter)


def count_failure(code: PhoneCode) -> None:
    """Count the failure and start the wait of the threshold it reaches, in one statement."""
    now = timezone.now()
    waits = settings.SMS_FAILURE_WAITS if code.door == Door.PROVEN else []
    starting = [When(failures=failures - 1, then=Value(now + wait)) for failures, wait in waits]
    PhoneAttemptCounter.objects.filter(phone=code.phone, door=code.door).update(
        failures=F("failures") + 1,
        wait_until=Case(*starting, default=F("wait_until"), output_field=DateTimeField()),
    )


def unlock_phones(phones: Collection[str]) -> None:
    """Reset the failures of these numbers at both doors: a code was correct, or an administrator vouches for them.

    Lock the rows in the order of their keys, so that two calls for the same numbers do not deadlock.
    """
    counters = PhoneAttemptCounter.objects.filter(phone__in=phones)
    with transaction.atomic(savepoint=False):
        locked = list(counters.order_by("pk").select_for_update().values_list("pk", flat=True))
        PhoneAttemptCounter.objects.filter(pk__in=locked).update(failures=0, wait_until=None)


def _closed_text(door: str) -> str:
    if door == Door.PROVEN:
        return _("Codes are turned off for this number after too many wrong attempts. Contact your administrator.")
    return _(
        "This page sends no more codes to this number after too many wrong attempts. Use a browser that you have signed"
        " in with before, or ask your administrator for a personal link."
    )
