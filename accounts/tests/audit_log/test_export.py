"""The audit log as a workbook."""

import io

import pytest
from django.utils import timezone
from openpyxl import load_workbook

from accounts.audit.recording import Actor, task_actor
from accounts.audit.verification import verify_end
from accounts.models import AuditEvent
from accounts.tests.audit.test_recording import overwrite
from accounts.tests.audit_log.test_list import write
from conftest import audit_events

pytestmark = pytest.mark.django_db
PATH = "/console/audit/export.xlsx"


@pytest.fixture
def owner(client_of, alice):
    return client_of(alice)


def rows(answer):
    sheet = load_workbook(io.BytesIO(b"".join(answer.streaming_content))).active
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def test_an_export_has_the_filtered_events_and_is_recorded(owner, enterprise, wang, alice):
    write(wang, "member_created", by=Actor(user=alice, name="Alice"), after={"phone": "+8613800138002"})
    write(wang, "member_edited", by=Actor(user=alice, name="Alice"), before={"name": "a"}, after={"name": "b"})
    write(enterprise)
    answer = owner.post(f"{PATH}?kind=member")
    assert answer.status_code == 200
    assert 'filename="audit.xlsx"' in answer["Content-Disposition"]
    heading, second, first = rows(answer)
    assert heading[:3] == ["No.", "Time", "Performed by"]
    assert (second[0], second[5], second[9]) == ("2", "Edited a member", "Name: a → b")
    assert (first[0], first[9], first[13]) == ("1", "Phone: – → 138****8002", "yes")
    event = AuditEvent.objects.get(action="audit_exported")
    assert event.personal["after"] == {"events": 2, "is_cut": False, "filters": {"kind": "member"}}
    assert verify_end(enterprise.pk, 1, AuditEvent.objects.get(number=1).digest) is None


@pytest.mark.parametrize("character", list("=+-@"))
def test_a_name_is_never_a_formula(owner, enterprise, character):
    write(enterprise, by=task_actor(f"{character}HYPERLINK(1)"))
    answer = owner.post(PATH)
    sheet = load_workbook(io.BytesIO(b"".join(answer.streaming_content))).active
    cell = sheet.cell(2, 3)
    assert (cell.value, cell.data_type, cell.quotePrefix) == (f"{character}HYPERLINK(1)", "s", True)


def test_an_export_with_too_many_events_keeps_the_newest_and_says_so(owner, enterprise, settings):
    settings.AUDIT_EXPORT_ROWS = 2
    for _ in range(4):
        write(enterprise)
    _heading, newest, second, rest = rows(owner.post(PATH))
    assert [newest[0], second[0]] == ["4", "3"]
    today = timezone.localdate().isoformat()
    assert rest[0] == f"Only the newest 2 events are included. To get earlier ones, set “Until” to {today}."
    assert AuditEvent.objects.get(action="audit_exported").personal["after"]["is_cut"] is True


def test_an_export_of_all_events_has_no_note(owner, enterprise, settings):
    settings.AUDIT_EXPORT_ROWS = 4
    for _ in range(4):
        write(enterprise)
    assert [row[0] for row in rows(owner.post(PATH))] == ["No.", "4", "3", "2", "1"]
    assert AuditEvent.objects.get(action="audit_exported").personal["after"]["is_cut"] is False


@pytest.mark.parametrize(
    ("most", "query", "is_said"), [(4, "", False), (3, "", True), (3, "?via=task", False), (3, "?via=web", False)]
)
def test_the_page_warns_that_an_export_may_be_cut(owner, enterprise, settings, most, query, is_said):
    settings.AUDIT_EXPORT_ROWS = most
    for _ in range(4):
        write(enterprise)
    assert ("To get older ones" in owner.get(f"/console/audit/{query}").text) == is_said


def test_the_page_warns_if_the_count_is_capped(owner, enterprise, settings, monkeypatch):
    monkeypatch.setattr("accounts.audit_log.search.COUNTED", 2)
    settings.AUDIT_EXPORT_ROWS = 3
    for _ in range(4):
        write(enterprise)
    assert "A download contains only the newest 3 matching events" in owner.get("/console/audit/?via=task").text


def test_an_export_reads_in_chunks(owner, enterprise, monkeypatch, django_assert_max_num_queries):
    for _ in range(30):
        write(enterprise)
    with django_assert_max_num_queries(20):
        answer = owner.post(PATH)
    assert len(rows(answer)) == 31


def test_an_export_marks_events_that_were_tampered_with(owner, enterprise):
    write(enterprise)
    overwrite(enterprise, 1, ip="6.6.6.6")
    assert rows(owner.post(PATH))[1][13] == "no"


def test_an_export_has_no_events_of_another_enterprise(owner, other_tenant):
    write(other_tenant.enterprise, by=task_actor("Canary"))
    assert len(rows(owner.post(f"{PATH}?q=Canary"))) == 1


def test_an_export_needs_a_post_and_a_recent_sign_in(owner):
    assert owner.get(PATH).status_code == 302
    session = owner.session
    session["factor_at"] -= 601
    session["proved_at"] -= 601
    session.save()
    answer = owner.post(f"{PATH}?kind=member")
    assert (answer.status_code, answer["Location"]) == (302, "/confirm/?next=%2Fconsole%2Faudit%2F%3Fkind%3Dmember")
    assert not audit_events().exists()
