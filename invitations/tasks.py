"""When batches move. A task carries nothing: the rows are the truth, so each may be lost, doubled or late."""

from celery import shared_task

from invitations.applications import decide_job
from invitations.batches import send as batches


@shared_task
def send_batches() -> None:
    """Every ten seconds: go on with what is to be sent, and with what a killed worker left."""
    batches.send_batches()


@shared_task
def work_on_decisions() -> None:
    """The same for decisions on many applications."""
    decide_job.work_on_decisions()
