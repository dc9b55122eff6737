"""The Celery app: queues, limits and schedule. Settings add what depends on the environment (`CELERY_…`).

A task only wakes a worker and carries ids at most; the state is in the database (security.md, fact 6).
"""

import os
from typing import Any

from celery import Celery
from celery.signals import heartbeat_sent, setup_logging

from exmail_admin.heartbeat import record_heartbeat


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
        "accounts.tasks.work_on_audit_checks": {"queue": "jobs"},
        "directory.tasks.work_on_imports": {"queue": "jobs"},
        "directory.tasks.work_on_bulk_actions": {"queue": "jobs"},
        "invitations.tasks.send_batches": {"queue": "jobs"},
        "invitations.tasks.work_on_decisions": {"queue": "jobs"},
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
        "work on imports": every(10, "directory.tasks.work_on_imports"),
        "work on bulk actions": every(10, "directory.tasks.work_on_bulk_actions"),
        "delete expired exports": every(3600, "directory.tasks.delete_expired_exports"),
        "send batches": every(10, "invitations.tasks.send_batches"),
        "erase deleted members": every(3600, "directory.tasks.erase_deleted_members"),
        "work on decisions": every(10, "invitations.tasks.work_on_decisions"),
        "erase old imports": every(3600, "directory.tasks.erase_old_imports"),
        "work on audit checks": every(10, "accounts.tasks.work_on_audit_checks"),
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
