"""The Celery app. A task is a wake-up call with ids at most; the database row is the truth (security.md, fact 6)."""

import os
from typing import Any

from celery import Celery
from celery.signals import heartbeat_sent, setup_logging

from exmail_admin.heartbeat import note_heartbeat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exmail_admin.settings")
app = Celery("exmail_admin")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@heartbeat_sent.connect
def beat(**context: Any) -> None:
    """With each of its own heartbeats a worker says which queues it serves."""
    note_heartbeat(app.amqp.queues.consume_from)


@setup_logging.connect
def leave_logging(**context: Any) -> None:
    """Celery leaves the logs alone where someone listens here; exmail_admin.logs has set them up."""
