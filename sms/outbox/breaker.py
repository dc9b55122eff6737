"""A circuit breaker per gateway, shared by all workers through one row (security.md 5.2).

After SMS_BREAKER_FAILURES in a row within SMS_BREAKER_WINDOW_SECONDS the breaker opens: messages to this gateway wait,
and one message each SMS_BREAKER_PROBE_SECONDS finds out whether it responds again. All times are the database's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from sms.gateways import Outcome
from sms.models import GatewayHealth, Message

ANSWERS = {Message.State.SENT, Message.State.REJECTED}
FAILURES = {Message.State.RETRY_WAIT, Message.State.UNKNOWN}


def claimable(gateway: str, limit: int) -> int:
    """Return how many messages may be claimed for this gateway: `limit`, or while the breaker is open 1 or 0.

    Returning 1 uses up the probe, so call it only if a message is due.
    """
    health = _open_breakers().filter(gateway=gateway)
    if not health.exists():
        return limit
    return health.filter(next_probe_at__lte=Now()).update(next_probe_at=_next_probe())


def record_results(gateway: str, outcomes: Sequence[Outcome]) -> None:
    """Close the breaker if the gateway answered, else count its failures and open the breaker if there are too many.

    A provider that asks to wait for a time is not failing, and neither is a request that was not started.
    """
    if any(outcome.state in ANSWERS for outcome in outcomes):
        answered = GatewayHealth.objects.filter(gateway=gateway).exclude(failed_at=[])
        answered.update(failed_at=[], open_since=None, next_probe_at=None)
        return
    failures = sum(outcome.state in FAILURES and outcome.retry_after is None for outcome in outcomes)
    if failures:
        record_failures(gateway, failures)


def record_failures(gateway: str, number: int = 1) -> None:
    """Count failures of a gateway at this moment, and open the breaker if there are too many."""
    GatewayHealth.objects.bulk_create([GatewayHealth(gateway=gateway)], ignore_conflicts=True)
    with transaction.atomic():
        health = GatewayHealth.objects.select_for_update().annotate(now=Now()).get(gateway=gateway)
        now = health.now.timestamp()
        recent = [at for at in health.failed_at if now - at <= settings.SMS_BREAKER_WINDOW_SECONDS]
        health.failed_at = [*recent, *[now] * number][-settings.SMS_BREAKER_FAILURES :]
        changes = {"failed_at": health.failed_at}
        if len(health.failed_at) == settings.SMS_BREAKER_FAILURES and not health.open_since:
            changes |= {"open_since": Now(), "next_probe_at": _next_probe()}
        GatewayHealth.objects.filter(pk=health.pk).update(**changes)


def unreachable_gateways() -> dict[str, datetime]:
    """Return the gateways whose breaker is open, with the time since when."""
    return {health.gateway: health.open_since for health in _open_breakers() if health.open_since}


def _open_breakers() -> QuerySet[GatewayHealth]:
    return GatewayHealth.objects.filter(open_since__isnull=False)


def _next_probe() -> object:
    return Now() + timedelta(seconds=settings.SMS_BREAKER_PROBE_SECONDS)
