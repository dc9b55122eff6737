"""Background tasks of accounts."""

from celery import shared_task

from accounts.audit.verification_job import QUEUE, start_due_checks, work_on_checks
from accounts.qr_sign_in.desktop import delete_expired_codes
from accounts.sign_in.attempt_limits import delete_expired_attempts
from accounts.sign_in.known_browsers import delete_expired_browsers
from accounts.sign_in.sessions import delete_expired_sessions


@shared_task
def delete_expired_sign_ins() -> None:
    delete_expired_sessions()
    delete_expired_attempts()
    delete_expired_browsers()


@shared_task
def delete_expired_qr_codes() -> None:
    delete_expired_codes()


@shared_task
def work_on_audit_checks() -> None:
    """Work on waiting checks, when woken and every ten seconds."""
    work_on_checks()


@shared_task
def start_due_audit_checks() -> None:
    """Every hour: verify the audit logs."""
    if start_due_checks():
        QUEUE.wake()
