"""A worker's word that it lives, kept in Redis for a few beats: no broadcast, no row, nothing stale."""

from __future__ import annotations

from collections.abc import Iterable

import redis
from django.conf import settings

KEPT_SECONDS = 6  # three of Celery's heartbeats
QUEUES = ("codes", "sweeps", "messages", "jobs", "upkeep")


def note_heartbeat(queues: Iterable[str]) -> None:
    """Say that someone works on these queues. Without Redis it goes unsaid."""
    try:
        with connect() as server:
            for queue in queues:
                server.set(f"alive:{queue}", 1, ex=KEPT_SECONDS)
    except redis.RedisError:
        return


def is_every_queue_served() -> bool:
    """Raises redis.RedisError when Redis does not answer."""
    with connect() as server:
        return server.exists(*(f"alive:{queue}" for queue in QUEUES)) == len(QUEUES)


def connect() -> redis.Redis:
    """A connection that gives up quickly."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
