"""What accounts tidies away now and then."""

from celery import shared_task

from accounts.audit.verification_job import QUEUE, watch_chains, work_on_checks
from accounts.qr_sign_in.desktop import purge_codes
from accounts.sign_in.attempt_limits import delete_expired_attempts
from accounts.sign_in.known_browsers import purge_browsers
from accounts.sign_in.sessions import purge_sessions


@shared_task
def purge_sign_ins() -> None:
    purge_sessions()
    delete_expired_attempts()
    purge_browsers()


@shared_task
def purge_qr_codes() -> None:
    purge_codes()


@shared_task
def work_on_audit_checks() -> None:
    """Go on with the checks that wait: woken at once, and swept every ten seconds."""
    work_on_checks()


@shared_task
def watch_audit_chains() -> None:
    """Every hour: see whether the logs still say what was written."""
    if watch_chains():
        QUEUE.wake()
