"""When imports move. A task carries nothing: the rows of Import are the truth, so each may be lost, doubled or late."""

from celery import shared_task

from directory import imports


@shared_task
def work_on_imports() -> None:
    """Woken by a hint, and every ten seconds for what was forgotten or whose worker was killed."""
    imports.work_on_imports()


@shared_task
def empty_imports() -> None:
    """Every hour: forget the files and cells of imports whose time is over."""
    imports.empty_imports()
