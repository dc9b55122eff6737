"""Heartbeats of workers, stored in Redis with an expiry."""

from __future__ import annotations

from collections.abc import Iterable

import redis
from django.conf import settings

KEPT_SECONDS = 6  # three of Celery's heartbeats
QUEUES = ("codes", "sweeps", "messages", "jobs", "upkeep")


def record_heartbeat(queues: Iterable[str]) -> None:
    """Record that a worker consumes these queues, unless Redis is unavailable."""
    try:
        with connect() as server:
            for queue in queues:
                server.set(f"alive:{queue}", 1, ex=KEPT_SECONDS)
    except redis.RedisError:
        return


def is_every_queue_served() -> bool:
    """True if each queue has a worker. Raise redis.RedisError."""
    with connect() as server:
        return server.exists(*(f"alive:{queue}" for queue in QUEUES)) == len(QUEUES)


def connect() -> redis.Redis:
    """Return a connection with short timeouts."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
