"""Tasks of batches, decisions and erasure. They take no arguments and are safe to lose, to repeat and to delay."""

from celery import shared_task

from invitations import erasure
from invitations.applications import decide_job
from invitations.batches import send as batches


@shared_task
def send_batches() -> None:
    """Send what is due, including what a killed worker left. Runs every ten seconds."""
    batches.send_batches()


@shared_task
def work_on_decisions() -> None:
    """Work on open decisions. Runs when one is opened, and every ten seconds."""
    decide_job.work_on_decisions()


@shared_task
def erase_ended_applications() -> None:
    """Erase applications that were rejected or withdrawn long ago. Runs every hour."""
    erasure.erase_ended_applications()
