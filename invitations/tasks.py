"""When batches move. A task carries nothing: the rows are the truth, so each may be lost, doubled or late."""

from celery import shared_task

from invitations import batches, deciding_many


@shared_task
def send_batches() -> None:
    """Every ten seconds: go on with what is to be sent, and with what a killed worker left."""
    batches.send_batches()


@shared_task
def work_on_decisions() -> None:
    """The same for decisions on many applications."""
    deciding_many.work_on_decisions()
