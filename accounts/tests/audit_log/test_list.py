"""The audit log's page: what is found, how it reads, and that it costs the same however long the log is."""

from datetime import UTC, datetime

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.audit.recording import Actor, command_actor, erase_personal, recording, task_actor
from accounts.audit_log import search as audit_search
from accounts.models import AuditEvent
from accounts.tests.audit.test_recording import overwrite

pytestmark = pytest.mark.django_db
PATH = "/console/audit/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"


def write(target, action="enterprise_edited", by=None, before=None, after=None, enterprise=None):
    with recording(enterprise or getattr(target, "enterprise", target), by=by or task_actor("test")) as record:
        return record(action, target, before=before, after=after)


@pytest.fixture
def owner(client_of, alice):
    return client_of(alice)


@pytest.fixture
def numbers(owner):
    """`numbers(q="x")`: the events the page shows to the owner."""

    def read(address="", **asked):
        return [row.event.number for row in owner.get(PATH + address, asked).context["rows"]]

    return read


def test_an_event_is_shown_in_words_with_its_changes(owner, enterprise, wang, alice):
    by = Actor(user=alice, name="Alice", ip="203.0.113.7", user_agent=FIREFOX, request_id="a1b2")
    before = {"name": "王芳", "phone": "+8613800138002", "status": "pending", "departments": ["华东组"], "position": ""}
    after = {**before, "name": "王方", "status": "active", "departments": ["华东组", "市场部"]}
    write(wang, "member_edited", by=by, before=before, after=after)
    listed = owner.get(PATH).content.decode()
    assert all(part in listed for part in ("Edited a member", "王芳", "Alice", "Owner", 'data-id="1"', f"{PATH}1/"))
    page = owner.get(f"{PATH}1/").content.decode()
    for part in (
        "Edited a member", "<del>王芳</del>", "<ins>王方</ins>", "<del>Not joined</del>", "<ins>Joined</ins>",
        "<ins>华东组, 市场部</ins>", "138****8002", "Alice", "203.0.113.7", "Firefox on Windows", "a1b2",
        f'href="/console/members/{wang.pk}/"', f"?target=member.{wang.pk}",
    ):  # fmt: skip
        assert part in page
    assert "13800138002" not in page
    assert "<del>138****8002" not in page


def test_names_are_escaped_and_unknown_values_are_shown_as_recorded(owner, enterprise):
    write(enterprise, "a_new_deed", by=command_actor(), after={"a_new_fact": "<script>alert(1)</script>", "on": True})
    page = owner.get(PATH).content.decode() + owner.get(f"{PATH}1/").content.decode()
    assert "<script>alert" not in page
    assert all(part in page for part in ("a_new_deed", "a_new_fact", "&lt;script&gt;", "Command line", "yes"))


def test_an_erased_event_is_still_listed(owner, enterprise, numbers):
    write(enterprise, by=task_actor("王芳"), after={"name": "王芳"})
    with recording(enterprise, by=task_actor("upkeep")) as record:
        erase_personal(record, AuditEvent.objects.all())
    page = owner.get(PATH).content.decode() + owner.get(f"{PATH}1/").content.decode()
    assert "have been erased" in page
    assert "Modified" not in page
    assert numbers(q="王") == []


def test_an_event_that_was_emptied_without_a_record_is_marked(owner, enterprise):
    write(enterprise)
    write(enterprise)
    AuditEvent.objects.filter(number=1).update(personal=None)
    assert owner.get(PATH).content.count(b"Modified") == 1
    assert b"Modified" in owner.get(f"{PATH}1/").content


def test_an_event_that_was_tampered_with_is_marked(owner, enterprise):
    write(enterprise)
    write(enterprise)
    assert b"Modified" not in owner.get(PATH).content
    overwrite(enterprise, 1, ip="6.6.6.6")
    assert owner.get(PATH).content.count(b"Modified") == 1
    assert b"Modified" in owner.get(f"{PATH}1/").content
    assert b"Modified" not in owner.get(f"{PATH}2/").content


def test_an_event_has_a_page_and_a_fragment_for_htmx(owner, enterprise, other_tenant):
    write(enterprise, after={"name": "示例"})
    write(other_tenant.enterprise)
    write(other_tenant.enterprise)
    assert "<html" in owner.get(f"{PATH}1/").content.decode()
    part = owner.get(f"{PATH}1/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "<ins>示例</ins>" in part
    assert "Enterprise name" in part
    for number in (2, 0, 9**17):
        assert owner.get(f"{PATH}{number}/").status_code == 404


def test_another_enterprises_events_are_never_shown(owner, enterprise, other_tenant, charlie, numbers):
    write(enterprise)
    for _ in range(3):
        write(other_tenant.enterprise, by=Actor(user=charlie, name="Canary"), after={"name": "Canary"})
    assert numbers() == [1]
    assert numbers(q="canary") == numbers(actor=charlie.pk) == []
    assert numbers(target=f"enterprise.{other_tenant.enterprise.pk}") == []
    assert "Canary" not in owner.get(PATH, {"actor": charlie.pk}).content.decode()


@pytest.mark.parametrize("text", ["王芳", "王", "wang", "WANG", "Älter", "req-1", "REQ-1"])
def test_a_search_finds_names_by_their_beginning_and_requests(enterprise, wang, numbers, text):
    write(wang, by=Actor(user=None, name="Wang Wu", request_id="req-1"))
    write(enterprise, by=Actor(user=None, name="Älter", request_id="req-2"))
    assert numbers(q=text) == [2 if text == "Älter" else 1]


def test_a_search_finds_a_target_by_its_whole_id(wang, zhao, numbers):
    write(wang)
    write(zhao)
    write(zhao)
    assert numbers(q=str(zhao.pk)) == [3, 2]
    assert numbers(target=f"member.{wang.pk}") == [1]
    assert numbers(target=f"member.{zhao.pk}", q="赵") == [3, 2]


@pytest.mark.parametrize("nonsense", ["%", "_", "'", "\\", "\0x", "芳", "\U0010ffff", "x" * 5000])
def test_a_search_inside_a_name_finds_nothing(wang, numbers, nonsense):
    write(wang)
    assert numbers(q=nonsense) == []


def test_filters_work_alone_and_combined(enterprise, wang, alice, bob, numbers):
    write(wang, "member_created", by=Actor(user=alice, name="Alice"))
    write(enterprise, by=Actor(user=alice, name="Alice"))
    write(wang, "member_edited", by=Actor(user=bob, name="Bob"))
    write(enterprise, by=command_actor())
    write(enterprise, "device_signed_out", by=Actor(user=None, name="Lin"))
    assert numbers(action="member_created") == [1]
    assert numbers(action="members") == [3, 1]
    assert numbers(actor=alice.pk) == [2, 1]
    assert numbers(kind="member") == [3, 1]
    assert numbers(via="command") == [4]
    assert numbers(via="member") == [5]
    assert numbers(action="members", actor=bob.pk, kind="member", via="web", q="bob") == [3]
    assert numbers(action="members", via="command") == []
    nonsense = {"action": "x", "actor": "-1", "kind": "x", "via": "x", "target": "x", "since": "x", "before": "x"}
    assert numbers(**nonsense) == [5, 4, 3, 2, 1]
    assert numbers(since="0000-00-00", until="9999-12-31", after="x") == [5, 4, 3, 2, 1]


def test_days_are_in_the_enterprises_time_zone(enterprise, numbers):
    """Shanghai is eight hours ahead."""
    for moment in ("2026-03-01T15:59", "2026-03-01T16:00", "2026-03-02T15:59", "2026-03-02T16:00"):
        with time_machine.travel(datetime.fromisoformat(moment).replace(tzinfo=UTC), tick=False):
            write(enterprise)
    assert numbers(since="2026-03-02", until="2026-03-02") == [3, 2]
    assert numbers(since="2026-03-02") == [4, 3, 2]
    assert numbers(until="2026-03-01") == [1]
    assert numbers(since="2026-03-04") == numbers(until="2026-02-01") == []


def test_no_event_is_lost_to_small_clock_differences(enterprise, numbers):
    for moment in ("2026-03-01T16:00:10", "2026-03-01T15:59:50", "2026-03-01T16:00:20"):
        with time_machine.travel(datetime.fromisoformat(moment).replace(tzinfo=UTC), tick=False):
            write(enterprise)
    assert numbers(since="2026-03-02") == [3, 1]
    assert numbers(until="2026-03-01") == [2]


@pytest.mark.parametrize("asked", [{}, {"q": "a"}, {"via": "task"}])
def test_pages_follow_one_another_by_number(owner, enterprise, monkeypatch, asked):
    monkeypatch.setattr(audit_search.AuditQuery, "page_size", 2)
    for n in range(5):
        write(enterprise, by=task_actor("ab"[n % 2] if asked == {"via": "task"} else "a"))

    def read(address="", **query):
        context = owner.get(PATH + address, query).context
        return [row.event.number for row in context["rows"]], context["page"]

    first, page_1 = read(**asked)
    second, page_2 = read(page_1.next_url)
    third, page_3 = read(page_2.next_url)
    assert (first, second, third) == ([5, 4], [3, 2], [1])
    assert (page_1.previous_url, page_3.next_url) == ("", "")
    back, page_4 = read(page_3.previous_url)
    assert back == second
    assert read(page_4.previous_url)[0] == first


def test_the_count_is_exact_for_all_and_capped_for_what_is_found(owner, enterprise, monkeypatch):
    monkeypatch.setattr(audit_search, "COUNTED", 1)
    for name in ("a", "a", "b"):
        write(enterprise, by=task_actor(name))
    assert owner.get(PATH).context["page"].count_text == "3 events"
    assert owner.get(PATH, {"q": "b"}).context["page"].count_text == "1 event"
    assert owner.get(PATH, {"q": "a"}).context["page"].count_text == "1+ events"
    assert owner.get(PATH, {"via": "task"}).context["page"].count_text == "1+ events"


@pytest.mark.parametrize(("asked", "most"), [({}, 10), ({"q": "al", "via": "web", "since": "2020-01-01"}, 26)])
def test_a_page_costs_the_same_whatever_is_on_it(owner, alice, tenant, wang, asked, most):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            owner.get(PATH, asked)
        return len(queries)

    for n in range(300):
        if n == 3:
            few = cost()
        write(wang, by=Actor(user=alice, name="Alice"), before={"name": str(n)}, after={"name": str(n + 1)})
    assert cost() == few <= most


def test_an_auditor_only_gets_links_they_may_open(client_of, erin, tenant, wang):
    write(wang, "member_created")
    write(tenant.domain, "domain_edited")
    auditor = client_of(erin)
    assert f'href="/console/members/{wang.pk}/"' in auditor.get(f"{PATH}1/").content.decode()
    assert f"/console/settings/domains/{tenant.domain.pk}/" not in auditor.get(f"{PATH}2/").content.decode()


def test_a_members_page_links_to_their_events(owner, wang, client_of, bob):
    link = f"{PATH}?target=member.{wang.pk}"
    assert link in owner.get(f"/console/members/{wang.pk}/").content.decode()
    assert link not in client_of(bob).get(f"/console/members/{wang.pk}/").content.decode()


def test_a_department_administrator_is_refused(client_of, bob):
    for method, path in (
        ("get", PATH),
        ("get", f"{PATH}1/"),
        ("post", f"{PATH}check/"),
        ("post", f"{PATH}export.xlsx"),
    ):
        assert getattr(client_of(bob), method)(path).status_code == 403
