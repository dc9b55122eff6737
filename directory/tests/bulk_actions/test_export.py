"""Exports of members leave a record, and only a POST makes one (C3)."""

from __future__ import annotations

import io

import openpyxl
import pytest

from accounts.models import AuditEvent
from conftest import audit_events
from directory.bulk_actions.job import work_on_bulk_actions
from directory.models import BulkAction

URL = "/console/members/export/"


def names_in(answer):
    rows = openpyxl.load_workbook(io.BytesIO(answer.content)).active.iter_rows(min_row=2, values_only=True)
    return {row[0] for row in rows}


def test_an_export_is_recorded_with_its_number_and_filters_but_no_name(client_of, alice, tenant, lin, wang, zhao):
    client = client_of(alice)
    answer = client.post(URL, {"q": "林晓", "status": "active", "department": tenant.market.pk, "all_matching": "1"})
    assert names_in(answer) == {"林晓"}
    event = audit_events().get()
    filters = {"status": "active", "department": str(tenant.market.pk), "q": "…"}
    assert (event.action, event.actor_user_id, event.via) == ("members_exported", alice.pk, "web")
    assert event.personal["after"] == {"members": 1, "filters": filters}
    assert client.get(f"/console/audit/{event.number}/").status_code == 200


def test_the_chosen_members_are_exported_or_else_all_that_match(client_of, alice, tenant, lin, wang, zhao):
    client = client_of(alice)
    assert names_in(client.post(URL, {"members": [lin.pk, zhao.pk], "q": "nobody"})) == {"林晓", "赵敏"}
    assert names_in(client.post(f"{URL}?q=wang")) == {"王芳"}
    assert names_in(client.post(URL)) == {"林晓", "王芳", "赵敏"}


def test_more_than_a_few_are_exported_by_a_worker(client_of, alice, lin, wang, zhao, settings):
    settings.MEMBERS_EXPORTED_AT_ONCE = 2
    client = client_of(alice)
    answer = client.post(URL, {"status": "active"})
    assert "attachment" in answer["Content-Disposition"]
    answer = client.post(URL)
    action = BulkAction.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/console/members/bulk/{action.pk}/")
    event = AuditEvent.objects.get(action="bulk_action_started")
    assert event.personal["after"] == {"action": "export", "chosen": 3, "filters": {}}


def test_a_get_exports_nothing(client_of, alice, lin):
    client = client_of(alice)
    assert client.get(URL).url == "/console/members/"
    assert client.get("/console/members/export.xlsx").status_code == 404
    assert client.get("/console/applications/export/").url == "/console/applications/"
    assert not audit_events().exists()


def test_nobody_is_exported_if_nobody_matches(client_of, alice, lin):
    assert client_of(alice).post(URL, {"q": "nobody"}).url == "/console/members/?q=nobody"
    assert not audit_events().exists()


def test_the_list_offers_it_as_a_form(client_of, alice, erin, lin):
    page = client_of(alice).get("/console/members/?status=active").text
    form = page[page.index(f'action="{URL}"') :].partition("</form>")[0]
    assert 'name="status" value="active"' in form
    assert f'action="{URL}"' not in client_of(erin).get("/console/members/").text


@pytest.mark.parametrize(("language", "heading"), [("en", "Name*"), ("zh-hans", "姓名*")])
def test_a_worker_writes_in_the_author_s_language(client_of, alice, lin, wang, settings, tmp_path, language, heading):
    """T6."""
    settings.MEMBERS_EXPORTED_AT_ONCE, settings.EXPORT_DIR = 1, tmp_path
    client = client_of(alice)
    client.cookies["django_language"] = language
    job = client.post(URL)["Location"]
    work_on_bulk_actions()
    sheet = openpyxl.load_workbook(io.BytesIO(client.get(f"{job}members.xlsx").content)).active
    assert sheet["A1"].value == heading
