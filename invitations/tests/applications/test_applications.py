"""Applications in the console: visibility, and that each is decided once."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from accounts.audit.recording import command_actor
from accounts.models import AuditEvent
from conftest import build_member
from directory.models import Address, Member
from directory.tests.imports.test_pages import checked, counts, figures
from directory.tests.imports.workbooks import person, xlsx
from directory.tests.phone import newest
from invitations.links.actions import colleague_link_url, issue_link, url_of
from invitations.models import Application
from invitations.tests.people import PHONE, application_of, apply, decision_path, new_phone, path_of
from sms.models import Message
from sms.tasks import deliver_messages

LIST = "/console/applications/"


@pytest.fixture
def desk(client_of, alice):
    return client_of(alice)


def page_of(application, action: str = "") -> str:
    return f"{LIST}{application.pk}/{action}"


def test_approval_creates_an_active_member_and_sends_an_sms(desk, open_tenant, settings):
    phone = apply(open_tenant.enterprise)
    application = application_of()
    page = desk.get(page_of(application))
    assert 'data-state="pending"' in page.text
    assert f'action="{page_of(application, "approve/")}"' in page.text
    answer = desk.post(page_of(application, "approve/"))
    assert (answer.status_code, answer["Location"]) == (303, page_of(application))
    member = Member.objects.get()
    assert (member.status, member.name, member.phone) == ("active", "张伟", PHONE)
    assert [str(one) for one in member.addresses.all()] == ["zhangwei@example.com"]
    assert 'data-state="approved"' in desk.get(page_of(application)).text

    deliver_messages()
    lines = [json.loads(line) for line in Path(settings.SMS_FILE).read_text().splitlines()]
    decision = next(line for line in lines if line["kind"] == "decision")
    assert decision["to"] == PHONE
    assert decision["text"].endswith("/")
    assert 'data-state="approved"' in phone.get("/j/status/").text


def test_link_in_the_sms_shows_the_decision_in_any_browser(desk, open_tenant):
    apply(open_tenant.enterprise)
    desk.post(page_of(application_of(), "reject/"), {"reason": "不是本公司员工"})
    path, elsewhere = decision_path(PHONE), new_phone()
    opened = elsewhere.get(path)
    assert (opened.status_code, opened["Location"]) == (303, "/j/status/")
    assert opened["Referrer-Policy"] == "no-referrer"
    page = elsewhere.get("/j/status/").text
    assert 'data-state="rejected"' in page
    assert "不是本公司员工" in page
    assert path.split("/")[2] not in page
    assert new_phone().get(f"/a/{'a' * 22}/").status_code == 404


def test_rejecting_frees_the_address_and_keeps_the_reason(desk, open_tenant):
    apply(open_tenant.enterprise)
    application = application_of()
    assert desk.post(page_of(application, "reject/"), {"reason": "重复申请"}).status_code == 303
    application.refresh_from_db()
    assert (application.state, application.reason) == ("rejected", "重复申请")
    assert str(application.decided_by) == "Alice"
    assert not Address.objects.filter(purpose="held").exists()
    assert Message.objects.filter(kind="decision", template="rejected").count() == 1
    assert not Member.objects.exists()


def test_application_is_decided_once(desk, open_tenant):
    apply(open_tenant.enterprise)
    application = application_of()
    desk.post(page_of(application, "approve/"))
    for action in ("approve/", "reject/", "edit/"):
        assert desk.post(page_of(application, action), follow=True).status_code == 200
    application.refresh_from_db()
    assert application.state == "approved"
    assert Member.objects.count() == 1
    assert Message.objects.filter(kind="decision").count() == 1
    assert AuditEvent.objects.filter(action__startswith="application_").count() == 2


def test_name_address_and_department_can_be_changed_before_approving(desk, open_tenant):
    apply(open_tenant.enterprise)
    application = application_of()
    form = {"name": "张为", "prefix": "zhang.wei", "domain": "example.com", "department": open_tenant.east.pk}
    assert desk.post(page_of(application, "edit/"), form).status_code == 303
    held = Address.objects.get(purpose="held")
    assert held.local == "zhang.wei"
    form["name"] = "张维"
    assert desk.post(page_of(application, "approve/"), form).status_code == 303
    member = Member.objects.get()
    assert (member.name, member.account, member.main_department) == ("张维", "zhang.wei", open_tenant.east)


def test_a_conflict_names_its_holder(desk, open_tenant, lin):
    apply(open_tenant.enterprise)
    application = application_of()
    form = {"name": "张伟", "prefix": "linxiao", "domain": "example.com", "department": open_tenant.root.pk}
    answer = desk.post(page_of(application, "approve/"), form)
    assert answer.status_code == 422
    assert "linxiao@example.com belongs to 林晓" in answer.text
    assert 'value="linxiao"' in answer.text
    assert f'name="next" value="{page_of(application)}"' in answer.text, "where a GET is answered"
    application.refresh_from_db()
    assert application.is_pending
    assert application.address.local == "zhangwei"
    form["prefix"] = "postmaster..x"
    assert desk.post(page_of(application, "approve/"), form).status_code == 422


def test_an_address_applied_for_is_held_against_the_console(desk, open_tenant):
    apply(open_tenant.enterprise)
    form = {
        "name": "另一",
        "prefix": "zhangwei",
        "domain": "example.com",
        "phone": "13900139077",
        "activation": "phone",
    }
    answer = desk.post("/console/members/new/", form)
    assert answer.status_code == 422
    assert "is already requested by 张伟" in answer.text


def test_approval_joins_the_member_who_has_the_phone_by_now(desk, open_tenant):
    apply(open_tenant.enterprise)
    member = build_member(open_tenant, "张伟伟", "zww", PHONE)
    application = application_of()
    assert "张伟伟" in desk.get(page_of(application)).text
    assert desk.post(page_of(application, "approve/")).status_code == 303
    member.refresh_from_db()
    application.refresh_from_db()
    assert member.status == "active"
    assert application.member == member
    assert Member.objects.count() == 1
    assert not Address.objects.filter(local="zhangwei").exists()
    assert application.own_address == "zww@example.com"
    assert "requested zhangwei@example.com" in desk.get(page_of(application)).text


def test_disabled_member_with_the_phone_prevents_approval(desk, open_tenant):
    apply(open_tenant.enterprise)
    build_member(open_tenant, "张伟伟", "zww", PHONE, status="disabled")
    answer = desk.post(page_of(application_of(), "approve/"))
    assert answer.status_code == 422
    assert "张伟伟, who is disabled" in answer.text
    assert application_of().is_pending


def test_refused_approval_saves_nothing_of_the_edit(desk, open_tenant):
    apply(open_tenant.enterprise)
    build_member(open_tenant, "张伟伟", "zww", PHONE, status="disabled")
    form = {"name": "改名", "prefix": "gaiming", "domain": "example.com", "department": open_tenant.east.pk}
    answer = desk.post(page_of(application_of(), "approve/"), form)
    assert answer.status_code == 422
    assert 'value="gaiming"' in answer.text
    application = application_of()
    assert (application.name, application.prefix, application.department) == ("张伟", "zhangwei", open_tenant.root)
    assert application.address.local == "zhangwei"
    assert not AuditEvent.objects.filter(action="application_edited").exists()


def test_many_are_approved_and_the_skipped_are_named(desk, open_tenant):
    for number in range(3):
        apply(open_tenant.enterprise, f"人{number}", f"ren{number}", f"+861390013901{number}")
    build_member(open_tenant, "禁用", "jy", "+8613900139012", status="disabled")
    ids = list(Application.objects.values_list("pk", flat=True))
    answer = desk.post(f"{LIST}approve/", {"applications": ids}, follow=True)
    assert "2 join requests approved." in answer.text
    assert "人2" in answer.text
    assert Application.objects.filter(state="approved").count() == 2


def test_all_that_match_are_rejected_with_one_reason(desk, open_tenant):
    for number in range(3):
        apply(open_tenant.enterprise, f"人{number}", f"ren{number}", f"+861390013901{number}")
    desk.post(f"{LIST}reject/", {"all_matching": "1", "q": "ren1", "reason": "试用"})
    assert list(Application.objects.filter(state="rejected").values_list("prefix", "reason")) == [("ren1", "试用")]
    desk.post(f"{LIST}reject/", {"all_matching": "1"})
    assert Application.objects.filter(state="rejected").count() == 3


def test_all_that_match_means_the_links_and_inviters_too(desk, open_tenant, lin):
    link = issue_link(open_tenant.enterprise, by=command_actor(), name="招聘会")
    apply(open_tenant.enterprise, "甲", "jia", "+8613900139011", path=path_of(url_of(link)))
    apply(open_tenant.enterprise, "乙", "yi", "+8613900139012", path=path_of(colleague_link_url(lin)))
    apply(open_tenant.enterprise, "丙", "bing", "+8613900139013")
    page = desk.get(LIST, {"link": link.pk}).text
    assert page.count("data-id=") == 1
    assert "Showing only “招聘会”" in page
    assert page.count(f'name="link" value="{link.pk}"') == 5
    assert desk.get(LIST, {"inviter": lin.pk}).text.count("data-id=") == 1
    every = desk.get(LIST).text
    assert all(words in every for words in ("招聘会", "invited by 林晓", "the join link"))
    answer = desk.post(f"{LIST}reject/", {"all_matching": "1", "link": link.pk, "reason": "试用"})
    assert answer["Location"] == f"{LIST}?state=pending&link={link.pk}"
    desk.post(f"{LIST}approve/", {"all_matching": "1", "inviter": lin.pk})
    states = dict(Application.objects.values_list("prefix", "state"))
    assert states == {"jia": "rejected", "yi": "approved", "bing": "pending"}


@pytest.mark.parametrize("foreign", ["link", "inviter"])
def test_unknown_filter_matches_nobody(desk, open_tenant, other_tenant, foreign):
    apply(open_tenant.enterprise)
    stranger = build_member(other_tenant, "外人", "wairen", "+8613900139099", status="active")
    theirs = issue_link(other_tenant.enterprise, by=command_actor(), name="别家")
    ids = {"link": theirs.pk, "inviter": stranger.pk}
    for value in (ids[foreign], "x", "0"):
        desk.post(f"{LIST}reject/", {"all_matching": "1", foreign: value})
        assert "data-id=" not in desk.get(LIST, {foreign: value}).text
    assert application_of().is_pending


def test_a_file_of_all_that_match_holds_text_and_no_formula(desk, open_tenant):
    """J14: a name may look like a formula; opened by an administrator it stays a name."""
    apply(open_tenant.enterprise, "=HYPERLINK(1)", "hyper")
    apply(open_tenant.enterprise, "李娜", "lina", "+8613900139002")
    sheet = load_workbook(io.BytesIO(desk.post(f"{LIST}export/").content)).active
    assert [cell.value for cell in sheet[1]][:3] == ["Name", "Address", "Phone"]
    assert {row[0].value for row in sheet.iter_rows(min_row=2)} == {"=HYPERLINK(1)", "李娜"}
    assert "f" not in {cell.data_type for row in sheet.iter_rows() for cell in row}
    answer = desk.post(f"{LIST}export/", {"format": "csv", "q": "hyper"})
    assert answer["Content-Type"].startswith("text/csv")
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [line[:2] for line in lines[1:]] == [["'=HYPERLINK(1)", "hyper@example.com"]]
    assert lines[1][2].startswith("139 0013")


@pytest.mark.parametrize("text", ["张伟", "zhangw", "zw", "zhangwei@exa", "9001"])
def test_the_list_is_searched_by_name_pinyin_address_and_phone(desk, open_tenant, text):
    apply(open_tenant.enterprise)
    apply(open_tenant.enterprise, "李娜", "lina", "+8613900139002")
    page = desk.get(LIST, {"q": text}).text
    assert page.count("data-id=") == 1
    assert f'data-id="{application_of().pk}"' in page
    assert "zhangwei@example.com" in page


@pytest.mark.parametrize("text", ["张伟国", "张伟", "伟·国", "阿凡提买买提", "afantimai"])
def test_the_list_is_searched_without_marks_and_in_simplified_characters(desk, open_tenant, text):
    apply(open_tenant.enterprise, "張偉國")
    apply(open_tenant.enterprise, "阿凡提·买买提", "afanti", "+8613900139002")
    assert desk.get(LIST, {"q": text}).text.count("data-id=") == 1


def test_the_list_has_a_tab_for_each_state_with_its_count(desk, open_tenant):
    for number in range(3):
        apply(open_tenant.enterprise, f"人{number}", f"ren{number}", f"+861390013901{number}")
    desk.post(page_of(application_of("+8613900139010"), "approve/"))
    page = desk.get(LIST).text
    assert 'data-name="pending" value="2"' in page
    assert 'data-name="approved" value="1"' in page
    assert page.count("data-id=") == 2
    assert '<data class="navigation__count" value="2">' in page
    approved = desk.get(LIST, {"state": "approved"}).text
    assert approved.count("data-id=") == 1
    assert 'name="applications"' not in approved


def test_pages_follow_by_key(desk, open_tenant, monkeypatch):
    monkeypatch.setattr("invitations.applications.list.ApplicationQuery.page_size", 2)
    for number in range(3):
        apply(open_tenant.enterprise, f"人{number}", f"ren{number}", f"+861390013901{number}")
    first = desk.get(LIST).text
    assert "人2" in first
    assert "人0" not in first
    last = Application.objects.order_by("-pk")[1]
    second = desk.get(LIST, {"before": last.pk}).text
    assert "人0" in second
    assert "人1" not in second
    assert "人1" in desk.get(LIST, {"after": Application.objects.order_by("pk")[0].pk}).text


def test_number_of_queries_does_not_depend_on_the_rows(desk, open_tenant):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            desk.get(LIST)
        return len(queries)

    for number in range(3):
        apply(open_tenant.enterprise, f"人{number}", f"ren{number}", f"+861390013901{number}")
    few = cost()
    for number in range(3, 12):
        apply(open_tenant.enterprise, f"人{number}", f"ren{number}", f"+86139001390{number + 20}")
    assert cost() == few <= 10


def test_a_department_administrator_decides_for_their_departments_only(client_of, bob, open_tenant):
    apply(open_tenant.enterprise)
    apply(open_tenant.enterprise, "李娜", "lina", "+8613900139002")
    mine = application_of("+8613900139002")
    mine.department = open_tenant.east
    mine.save()
    client = client_of(bob)
    page = client.get(LIST).text
    assert page.count("data-id=") == 1
    assert "139****9002" in page
    other = application_of()
    assert client.get(page_of(other)).status_code == 404
    assert client.post(page_of(other, "approve/")).status_code == 404
    client.post(f"{LIST}approve/", {"applications": [other.pk, mine.pk]})
    other.refresh_from_db()
    mine.refresh_from_db()
    assert (other.state, mine.state) == ("pending", "approved")


def test_an_auditor_reads_and_decides_nothing(client_of, erin, open_tenant):
    apply(open_tenant.enterprise)
    client, application = client_of(erin), application_of()
    page = client.get(page_of(application))
    assert page.status_code == 200
    assert "approve/" not in page.text
    assert "139****9001" in page.text
    for action in ("approve/", "reject/", "edit/"):
        assert client.post(page_of(application, action)).status_code == 403
    assert client.post(f"{LIST}approve/", {"applications": [application.pk]}).status_code == 403


def test_another_enterprise_sees_and_decides_nothing(client_of, charlie, open_tenant):
    """J11."""
    apply(open_tenant.enterprise)
    client, application = client_of(charlie), application_of()
    assert client.get(page_of(application)).status_code == 404
    for action in ("approve/", "reject/", "edit/"):
        assert client.post(page_of(application, action)).status_code == 404
    client.post(f"{LIST}approve/", {"applications": [application.pk], "all_matching": ""})
    assert "张伟" not in client.get(LIST).text
    assert application_of().is_pending


def test_a_name_can_not_run_as_script_or_pose_as_a_link(desk, open_tenant):
    """J12, J13: neither on the pages nor in the SMS."""
    apply(open_tenant.enterprise, "<script>alert(1)</script>【银行】 http://evil.example x.evil.com")
    application = application_of()
    for page in (desk.get(LIST), desk.get(page_of(application))):
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;" in page.text
    desk.post(page_of(application, "approve/"))
    text = newest(PHONE, "decision").text
    assert "evil.example" not in text
    assert "evil.com" not in text
    assert "【银行】" not in text


def test_u3_an_import_takes_a_phone_that_waits_with_an_application_and_tells_of_it(
    client_of, alice, open_tenant, settings, tmp_path
):
    settings.IMPORT_DIR = tmp_path / "imports"
    apply(open_tenant.enterprise)
    client = client_of(alice)
    page = checked(client, open_tenant, xlsx(person(1, phone=PHONE), person(2)))
    html = client.get(page).content.decode()
    assert counts(html) == figures(created=2)
    assert html.count("A join request with this phone number is waiting for approval.") == 1


@pytest.mark.parametrize("action", ["edit/", "approve/"])
def test_a_search_for_a_department_decides_nothing(desk, open_tenant, monkeypatch, action):
    """Without script the search is a step of the form that could also approve."""
    monkeypatch.setattr("directory.departments.picker.WHOLE_MAX", 2)
    apply(open_tenant.enterprise)
    application = application_of()
    typed = {"name": "新名", "prefix": application.prefix, "domain": "example.com", "department": open_tenant.root.pk}
    page = desk.post(page_of(application, action), typed | {"department_q": "华东", "department_search": "1"})
    assert page.status_code == 422
    assert f'value="{open_tenant.east.pk}"' in page.text
    assert 'value="新名"' in page.text
    application.refresh_from_db()
    assert (application.state, application.name) == ("pending", "张伟")


@pytest.fixture
def rejected(client_of, alice, open_tenant):
    """A phone whose application was rejected."""
    phone = apply(open_tenant.enterprise)
    client_of(alice).post(page_of(application_of(), "reject/"), {"reason": "资料不全，请重新填写"})
    return phone


def test_a_rejected_applicant_applies_again_from_the_status_page(rejected, open_tenant):
    rejected.cookies.pop("joining")  # kept for an hour only
    assert 'action="/j/status/again/"' in rejected.get("/j/status/").text
    answer = rejected.post("/j/status/again/")
    assert (answer.status_code, answer.url) == (303, "/j/")
    session = rejected.session
    session["join_proof"] = [open_tenant.enterprise.pk, PHONE, int(time.time())]
    session.save()
    assert 'value="张伟"' in rejected.get("/j/").text
    assert rejected.post("/j/apply/", {"name": "张伟", "prefix": "zhangwei"}).url == "/j/status/"
    assert application_of().state == "pending"


def test_the_link_of_the_sms_leads_to_applying_again_too(rejected):
    path, phone = decision_path(PHONE), new_phone()
    phone.get(path)
    assert phone.post("/j/status/again/").url == "/j/"
    assert 'name="phone"' in phone.get("/j/").text


def test_a_link_that_was_closed_meanwhile_says_so(rejected, open_tenant):
    open_tenant.enterprise.is_joining_open = False
    open_tenant.enterprise.save()
    assert rejected.post("/j/status/again/").status_code == 410


@pytest.mark.parametrize("state", ["pending", "approved"])
def test_an_application_that_was_not_rejected_stays(open_tenant, state, client_of, alice):
    phone = apply(open_tenant.enterprise)
    if state == "approved":
        client_of(alice).post(page_of(application_of(), "approve/"))
    assert "/j/status/again/" not in phone.get("/j/status/").text


def test_a_withdrawn_application_is_replaced_too(open_tenant):
    phone = apply(open_tenant.enterprise)
    phone.post("/j/status/withdraw/")
    assert phone.post("/j/status/again/").url == "/j/"


def test_a_browser_without_an_application_can_t_apply_again(client, db):
    assert client.post("/j/status/again/").url == "/j/status/"


def test_an_unknown_decision_link_explains_itself(client, db):
    assert client.get(f"/a/{'a' * 22}/").templates[0].name == "invitations/join_status_erased.html"
