"""When imports and bulk actions move and the bin is emptied. A task carries nothing: the rows are the truth, so each
may be lost, doubled or late."""

from celery import shared_task

from directory.bulk_actions import job as bulk_actions
from directory.imports import job as imports
from directory.members import erasure


@shared_task
def work_on_imports() -> None:
    """Woken at once, and swept every ten seconds for lost wake-ups and killed workers."""
    imports.work_on_imports()


@shared_task
def erase_old_imports() -> None:
    """Every hour: forget the files and cells of imports whose time is over."""
    imports.erase_old_imports()


@shared_task
def erase_deleted_members() -> None:
    """Every hour: empty the bin of those whose time is over."""
    erasure.erase_deleted_members()


@shared_task
def work_on_bulk_actions() -> None:
    """Woken and swept as imports are."""
    bulk_actions.work_on_bulk_actions()


@shared_task
def delete_expired_exports() -> None:
    """Every hour: remove workbooks of members that were there long enough."""
    bulk_actions.delete_expired_exports()
