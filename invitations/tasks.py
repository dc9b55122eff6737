"""Tasks of batches and decisions. They take no arguments and are safe to lose, to repeat and to delay."""

from celery import shared_task

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
