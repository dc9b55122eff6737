"""Tasks of imports, bulk actions and the recycle bin. They take no arguments and are safe to lose, repeat and delay."""

from celery import shared_task

from directory.bulk_actions import job as bulk_actions
from directory.imports import job as imports
from directory.members import erasure


@shared_task
def work_on_imports() -> None:
    """Work on open imports. Runs when one is submitted, and every ten seconds for lost wake-ups and killed workers."""
    imports.work_on_imports()


@shared_task
def erase_old_imports() -> None:
    """Delete the files and cells of old imports. Runs every hour."""
    imports.erase_old_imports()


@shared_task
def erase_deleted_members() -> None:
    """Erase members who were long enough in the recycle bin. Runs every hour."""
    erasure.erase_deleted_members()


@shared_task
def work_on_bulk_actions() -> None:
    """Work on open bulk actions. Runs as for imports."""
    bulk_actions.work_on_bulk_actions()


@shared_task
def delete_expired_exports() -> None:
    """Delete old workbooks of exported members. Runs every hour."""
    bulk_actions.delete_expired_exports()
