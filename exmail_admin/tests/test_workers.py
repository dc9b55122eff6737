"""The queues of each worker, as started by `make run` and as documented in the README."""

import re
import sys

import pytest
from django.conf import settings

from core.leased_jobs import JobQueue, LeasedJob
from exmail_admin.celery import JOBS, app
from exmail_admin.dev.run import children
from exmail_admin.heartbeat import QUEUES


def queues_of_run() -> list[set[str]]:
    commands = [child.command for child in children(0)]
    return [set(each[each.index("--queues") + 1].split(",")) for each in commands if "--queues" in each]


def queues_of_readme() -> list[set[str]]:
    text = (settings.BASE_DIR / "README.md").read_text()
    return [set(names.split(",")) for names in re.findall(r"worker --queues ([\w,]+)", text)]


@pytest.mark.parametrize("workers", [queues_of_run, queues_of_readme])
def test_every_queue_is_served_and_codes_and_sweeps_wait_behind_nothing_else(workers):
    """C9: sweeps have a worker of their own, so that imports don't delay them."""
    served = workers()
    routed = {route["queue"] for route in app.conf.task_routes.values()} | {app.conf.task_default_queue}
    assert set().union(*served) == routed == set(QUEUES)
    assert {"codes"} in served
    assert {"sweeps"} in served


def test_every_job_has_a_queue_and_a_task_that_the_clock_repeats():
    app.loader.import_default_modules()
    values = [value for module in list(sys.modules.values()) for value in vars(module).values()]
    queues = [value for value in values if type(value) is JobQueue]  # isinstance would open Django's lazy objects
    assert {queue.model for queue in queues} == set(LeasedJob.__subclasses__())
    assert {queue.task for queue in queues} == set(JOBS) <= set(app.tasks)


def test_what_the_clock_asks_for_every_ten_seconds_is_a_sweep_or_a_wake_up():
    often = {entry["task"] for entry in app.conf.beat_schedule.values() if entry["schedule"] <= 10}
    assert {app.conf.task_routes[task]["queue"] for task in often} == {"sweeps", "jobs"}
