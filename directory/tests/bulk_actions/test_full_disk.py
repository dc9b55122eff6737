"""An export that meets a full disk says so, and is done once there is space (A16)."""

from __future__ import annotations

import errno

import pytest
from django.conf import settings
from openpyxl import Workbook

from directory.bulk_actions import job
from directory.models import BulkAction
from directory.tests.bulk_actions.test_bulk_actions import BULK, after_work, desk, five, opened  # noqa: F401

WORDS = "disk may be full"


@pytest.fixture
def full_disk(monkeypatch, settings, tmp_path):
    """Fail each workbook that is saved, as often as `times` says."""
    settings.EXPORT_DIR = tmp_path / "exports"
    settings.JOB_RETRY_SECONDS = 0

    def fill(times: int, code: int = errno.ENOSPC) -> None:
        left = iter(range(times))
        real = job._store

        def store(content: bytes, stored: str) -> None:
            if next(left, None) is None:
                return real(content, stored)
            with monkeypatch.context() as patch:
                patch.setattr("pathlib.Path.replace", refuse(code))
                return real(content, stored)

        monkeypatch.setattr(job, "_store", store)

    return fill


def refuse(code: int):
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(code, "No space left on device")

    return full


def test_an_export_names_the_full_disk_and_leaves_no_file(desk, tenant, alice, five, full_disk):  # noqa: F811
    for code in (errno.ENOSPC, errno.EDQUOT):
        full_disk(3, code)
        action = opened(tenant, alice, "export", five)
        assert after_work(action).state == "failed"
        assert WORDS in desk.get(f"{BULK}{action.pk}/").text
        assert list(settings.EXPORT_DIR.iterdir()) == []


def test_an_export_is_done_once_there_is_space(desk, tenant, alice, five, full_disk):  # noqa: F811
    full_disk(2)
    action = opened(tenant, alice, "export", five)
    assert after_work(action).state == "done"
    assert WORDS not in desk.get(f"{BULK}{action.pk}/").text
    assert BulkAction.objects.get().reason == ""


def test_downloads_name_the_full_disk(desk, tenant, lin, monkeypatch):  # noqa: F811
    """The audit log, few members, and the sibling: join requests."""
    desk.raise_request_exception = False
    monkeypatch.setattr(Workbook, "save", refuse(errno.ENOSPC))
    answers = [
        desk.post("/console/audit/export.xlsx"),
        desk.post("/console/members/export/"),
        desk.get("/console/imports/template/"),
    ]
    for answer in answers:
        assert answer.status_code == 507
        assert "disk is full" in answer.text
