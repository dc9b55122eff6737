"""Health checks for load balancers and `make run`."""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from exmail_admin.heartbeat import connect, is_every_clock_right, is_every_queue_served


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Respond with 200 without checking anything."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Respond with 200 if database, Redis, a worker for every queue and the clocks are fine, else with 503."""
    parts = {name: "ok" if is_reachable(check) else FAULTS[name] for name, check in CHECKS.items()}
    is_ready = set(parts.values()) == {"ok"}
    return JsonResponse({"status": "ok" if is_ready else "unavailable", **parts}, status=200 if is_ready else 503)


def is_reachable(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (DatabaseError, InterfaceError, redis.RedisError, OSError):
        return False


def check_database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone())


def check_redis() -> bool:
    with connect() as server:
        return bool(server.ping())


CHECKS = {
    "database": check_database,
    "redis": check_redis,
    "worker": is_every_queue_served,
    "clocks": is_every_clock_right,
}
FAULTS = dict.fromkeys(CHECKS, "unreachable") | {"clocks": "wrong"}
