"""The Celery app: queues, limits and schedule. Settings add what depends on the environment (`CELERY_…`).

A task only wakes a worker and carries ids at most; the state is in the database (security.md, fact 6).
"""

import os
from typing import Any

from celery import Celery
from celery.signals import heartbeat_sent, setup_logging

from exmail_admin.heartbeat import record_heartbeat

# The task of each `core.leased_jobs.JobQueue`. It runs in the queue `jobs` when its worker is woken, and every 10 s for
# lost wake-ups and killed workers.
JOBS = (
    "accounts.tasks.work_on_audit_checks",
    "directory.tasks.work_on_imports",
    "directory.tasks.work_on_bulk_actions",
    "invitations.tasks.send_batches",
    "invitations.tasks.work_on_decisions",
)


def every(seconds: int, task: str) -> dict[str, Any]:
    """Return a schedule entry. Frequent runs expire when the next one is due, so that they cannot pile up."""
    entry: dict[str, Any] = {"task": task, "schedule": float(seconds)}
    return entry | {"options": {"expires": seconds}} if seconds <= 60 else entry


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exmail_admin.settings")
app = Celery("exmail_admin")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_soft_time_limit=600,
    task_time_limit=660,
    task_default_queue="upkeep",
    task_routes={
        "sms.tasks.deliver_codes": {"queue": "codes"},
        "sms.tasks.deliver_messages": {"queue": "messages"},
        # Sweeps recover lost wake-ups, so they must not wait behind a long job.
        "sms.tasks.sweep_outbox": {"queue": "sweeps"},
        "sms.tasks.watch_codes": {"queue": "sweeps"},
        "sms.tasks.reconcile_messages": {"queue": "sweeps"},
        **{task: {"queue": "jobs"} for task in JOBS},
    },
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    # A request that cannot reach Redis does not retry: the scheduled sweeps find its row.
    task_publish_retry=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": 3600,  # seconds, longer than any task (security.md 5.2)
        "socket_connect_timeout": 1,
        "socket_timeout": 5,
        "retry_on_timeout": False,
    },
    beat_schedule={
        "sweep the outbox": every(5, "sms.tasks.sweep_outbox"),
        "check conversion": every(60, "sms.tasks.watch_codes"),
        "look up unknown messages": every(10, "sms.tasks.reconcile_messages"),
        "delete expired codes": every(600, "sms.tasks.delete_expired_codes"),
        **{task: every(10, task) for task in JOBS},
        "delete expired exports": every(3600, "directory.tasks.delete_expired_exports"),
        "erase deleted members": every(3600, "directory.tasks.erase_deleted_members"),
        "erase ended applications": every(3600, "invitations.tasks.erase_ended_applications"),
        "erase old imports": every(3600, "directory.tasks.erase_old_imports"),
        "verify audit chains": every(3600, "accounts.tasks.start_due_audit_checks"),
        "delete expired sign-ins": every(3600, "accounts.tasks.delete_expired_sign_ins"),
        "delete expired QR codes": every(60, "accounts.tasks.delete_expired_qr_codes"),
    },
)
app.autodiscover_tasks()


@heartbeat_sent.connect
def beat(**context: Any) -> None:
    """Record, with each heartbeat of a worker, which queues it consumes."""
    record_heartbeat(app.amqp.queues.consume_from)


@setup_logging.connect
def leave_logging(**context: Any) -> None:
    """Keep Celery from configuring logging, which any receiver of this signal does."""
