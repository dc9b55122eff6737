"""What accounts tidies away now and then."""

from celery import shared_task

from accounts.known_browsers import purge_browsers
from accounts.sign_in import purge_sessions
from accounts.sign_in_by_qr import purge_codes
from accounts.throttle import purge_standings


@shared_task
def purge_sign_ins() -> None:
    purge_sessions()
    purge_standings()
    purge_browsers()


@shared_task
def purge_qr_codes() -> None:
    purge_codes()
