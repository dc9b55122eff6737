"""Heartbeats of workers, stored in Redis with an expiry, and how far the clocks of their machines are off."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable

import redis
from django.conf import settings

KEPT_SECONDS = 6  # three of Celery's heartbeats
# A clock that is further off than this, in seconds, would mislead an administrator and expire codes.
CLOCK_SECONDS = 30
QUEUES = ("codes", "sweeps", "messages", "jobs", "upkeep")


def record_heartbeat(queues: Iterable[str]) -> None:
    """Record that a worker consumes these queues, and its machine's clock, unless Redis is unavailable."""
    try:
        with connect() as server:
            for queue in queues:
                server.set(f"alive:{queue}", 1, ex=KEPT_SECONDS)
            seconds, microseconds = server.time()
            offset = time.time() - seconds - microseconds / 1_000_000
            server.set(f"clock:{socket.gethostname()}", f"{offset:.1f}", ex=KEPT_SECONDS)
    except redis.RedisError:
        return


def is_every_queue_served() -> bool:
    """True if each queue has a worker. Raise redis.RedisError."""
    with connect() as server:
        return server.exists(*(f"alive:{queue}" for queue in QUEUES)) == len(QUEUES)


def is_every_clock_right() -> bool:
    """True unless the clock of a machine with a worker is found to differ from Redis's."""
    try:
        with connect() as server:
            offsets = server.mget(list(server.scan_iter("clock:*")) or ["clock:none"])
    except redis.RedisError:
        return True
    return all(abs(float(offset)) <= CLOCK_SECONDS for offset in offsets if offset)


def connect() -> redis.Redis:
    """Return a connection with short timeouts."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
