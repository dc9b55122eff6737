"""Named links: creating, distributing, counting, limits, expiry, revocation, and the pages of inactive links."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
import zxingcpp
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image

from accounts.audit.recording import command_actor
from accounts.models import AuditEvent
from directory.models import Department, Domain, Member
from invitations.links.actions import LinkStatus, LinkUsedUp, has_status, issue_link, own_status, url_of, use_link
from invitations.models import Application, JoinLink
from invitations.tests.people import PHONE, application_of, apply, new_phone, prove

LIST = "/console/joining/links/"


@pytest.fixture
def desk(client_of, alice):
    return client_of(alice)


def page_of(link, action: str = "") -> str:
    return f"{LIST}{link.pk}/{action}"


def path_of(link) -> str:
    return "/" + url_of(link).split("/", 3)[3]


def build_link(tenant, name: str = "春季招聘会", **facts) -> JoinLink:
    return issue_link(tenant.enterprise, by=command_actor(), name=name, **facts)


def today() -> str:
    return datetime.now(ZoneInfo("Asia/Shanghai")).date().isoformat()


def form(**changes):
    fields = {"name": "春季招聘会", "department": "", "domain": "", "approval": "", "valid_until": "", "uses_max": ""}
    return {**fields, **changes}


def test_the_form_presets_seven_days_and_five_hundred_uses(desk, tenant):
    page = desk.get(f"{LIST}new/").text
    day = datetime.now(ZoneInfo("Asia/Shanghai")).date() + timedelta(days=7)
    assert f'value="{day.isoformat()}"' in page
    assert 'value="500"' in page
    assert "Default (示例科技)" in page


def test_a_link_has_its_own_department_domain_and_approval(desk, open_tenant):
    Domain.objects.create(enterprise=open_tenant.enterprise, name="branch.example")
    typed = form(
        department=open_tenant.east.pk, domain="branch.example", approval="no", valid_until=today(), uses_max=2
    )
    answer = desk.post(f"{LIST}new/", typed)
    link = JoinLink.objects.get(name="春季招聘会")
    assert (answer.status_code, answer["Location"]) == (303, page_of(link))
    midnight = datetime.fromisoformat(today()).replace(tzinfo=ZoneInfo("Asia/Shanghai")) + timedelta(days=1)
    assert link.expires_at == midnight
    page = desk.get(page_of(link))
    assert 'data-state="active"' in page.text
    assert url_of(link) in page.text
    assert "示例科技/市场部/华东组" in page.text

    apply(open_tenant.enterprise, path=path_of(link))
    member = Member.objects.get(phone=PHONE)
    assert (member.status, member.main_department) == ("active", open_tenant.east)
    assert str(member.addresses.get()) == "zhangwei@branch.example"
    assert application_of().link == link
    page = desk.get(page_of(link)).text
    assert 'data-name="uses" value="1"' in page
    assert "张伟" in page
    assert "春季招聘会" in desk.get(f"/console/applications/{application_of().pk}/").text


def test_the_public_learns_neither_its_name_nor_its_department(free_tenant):
    link = build_link(free_tenant, department=free_tenant.east)
    client = new_phone()
    prove(client, path_of(link))
    pages = client.get("/j/").text + client.post("/j/apply/", {"name": "", "prefix": ""}).text
    assert "春季招聘会" not in pages
    assert "华东组" not in pages


def test_a_blank_day_and_cap_mean_none(desk, tenant):
    desk.post(f"{LIST}new/", form())
    link = JoinLink.objects.get(name="春季招聘会")
    assert (link.expires_at, link.uses_max, link.department, link.domain, link.approval_required) == (None,) * 5


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", ""),
        ("name", "x" * 65),
        ("valid_until", "2020-01-01"),
        ("valid_until", "soon"),
        ("valid_until", "9999-12-31"),
        ("uses_max", "0"),
        ("uses_max", "1000001"),
        ("department", "999999"),
        ("domain", "other.example"),
        ("approval", "perhaps"),
    ],
)
def test_invalid_input_is_refused_beside_its_field(desk, tenant, other_tenant, field, typed):
    answer = desk.post(f"{LIST}new/", form(**{field: typed}))
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.text
    assert not JoinLink.objects.exclude(name="").exists()


def test_active_links_have_different_names(desk, tenant):
    link = build_link(tenant)
    answer = desk.post(f"{LIST}new/", form())
    assert answer.status_code == 422
    assert "Another active link already has this name" in answer.text
    desk.post(page_of(link, "revoke/"))
    assert desk.post(f"{LIST}new/", form()).status_code == 303


def test_an_edit_keeps_the_token_and_revives_an_expired_link(desk, open_tenant):
    link = build_link(open_tenant, expires_at=timezone.now() - timedelta(days=3), uses_max=5)
    assert new_phone().get(path_of(link)).status_code == 410
    page = desk.get(page_of(link, "edit/")).text
    assert 'value="5"' in page
    answer = desk.post(page_of(link, "edit/"), form(name="夏季招聘会", valid_until=today(), uses_max=""))
    assert answer.status_code == 303
    assert new_phone().get(path_of(link)).status_code == 303
    link.refresh_from_db()
    assert (link.name, link.uses_max) == ("夏季招聘会", None)
    event = AuditEvent.objects.get(action="join_link_edited")
    assert (event.personal["before"]["uses_max"], event.personal["after"]["uses_max"]) == (5, None)


def test_an_edit_without_changes_is_not_recorded_and_keeps_a_past_day(desk, tenant):
    link = build_link(tenant, expires_at=timezone.now() - timedelta(days=3))
    day = (link.expires_at - timedelta(microseconds=1)).astimezone(ZoneInfo("Asia/Shanghai")).date()
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), ZoneInfo("Asia/Shanghai"))
    JoinLink.objects.filter(pk=link.pk).update(expires_at=midnight)
    assert desk.post(page_of(link, "edit/"), form(valid_until=day.isoformat())).status_code == 303
    assert not AuditEvent.objects.filter(action="join_link_edited").exists()


def test_a_revoked_link_can_neither_be_used_nor_shown(desk, open_tenant):
    link = build_link(open_tenant)
    path = path_of(link)
    assert desk.get(page_of(link, "revoke/")).status_code == 302
    assert desk.post(page_of(link, "revoke/")).status_code == 303
    answer = new_phone().get(path)
    assert answer.status_code == 410
    assert 'data-state="revoked"' in answer.text
    page = desk.get(page_of(link)).text
    assert 'data-state="revoked"' in page
    assert path not in page
    for part in ("qr.svg", "qr.png?size=171", "poster/"):
        assert desk.get(page_of(link, part)).status_code == 404
    assert desk.post(page_of(link, "edit/"), form(name="再来")).status_code == 303
    desk.post(page_of(link, "revoke/"))
    assert AuditEvent.objects.filter(action="join_link_revoked").count() == 1
    assert not AuditEvent.objects.filter(action="join_link_edited").exists()


def test_expiry_at_its_boundary(open_tenant, time_machine):
    end = timezone.now() + timedelta(hours=1)
    link = build_link(open_tenant, expires_at=end)
    proven = new_phone()
    prove(proven, path_of(link))
    moments = {timedelta(seconds=-1): 303, timedelta(0): 410, timedelta(seconds=1): 410}
    for offset, status in moments.items():
        time_machine.move_to(end + offset, tick=False)
        assert new_phone().get(path_of(link)).status_code == status
        assert link in JoinLink.objects.filter(has_status(own_status(link)))
    answer = new_phone().get(path_of(link))
    assert 'data-state="expired"' in answer.text
    assert 'name="phone"' not in answer.text


def test_after_the_last_use_its_applicant_still_finds_the_application(open_tenant):
    link = build_link(open_tenant, uses_max=2)
    apply(open_tenant.enterprise, "甲", "jia", "+8613900139011", path=path_of(link))
    late = new_phone()
    prove(late, path_of(link), "+8613900139012")
    last = apply(open_tenant.enterprise, "乙", "yi", "+8613900139013", path=path_of(link))
    answer = late.post("/j/apply/", {"name": "丙", "prefix": "bing"})
    assert answer.status_code == 410
    assert 'data-state="full"' in answer.text
    assert Application.objects.count() == 2
    again = last.get("/j/")
    assert again.status_code == 410
    assert 'href="/j/status/"' in again.text
    assert 'href="/j/status/"' not in new_phone().get(path_of(link)).text


def test_a_use_is_not_given_back_by_withdrawing_or_rejecting(desk, open_tenant):
    link = build_link(open_tenant, uses_max=3)
    apply(open_tenant.enterprise, "甲", "jia", "+8613900139011", path=path_of(link)).post("/j/status/withdraw/")
    apply(open_tenant.enterprise, "乙", "yi", "+8613900139012", path=path_of(link))
    desk.post(f"/console/applications/{application_of('+8613900139012').pk}/reject/")
    link.refresh_from_db()
    assert link.uses == 2


def test_refused_applications_and_listed_members_take_no_use(open_tenant, lin, wang):
    link = build_link(open_tenant, uses_max=1)
    refused, known = new_phone(), new_phone()
    prove(refused, path_of(link))
    assert refused.post("/j/apply/", {"name": "张伟", "prefix": "linxiao"}).status_code == 422
    prove(known, path_of(link), wang.phone)
    assert known.post("/j/member/").status_code == 303
    link.refresh_from_db()
    assert link.uses == 0


def test_a_links_department_can_not_be_deleted_before_it_is_revoked(desk, open_tenant):
    """J9: the administrator sees what prevents it; applicants in the meantime wait for a department."""
    link = build_link(open_tenant, department=open_tenant.east)
    apply(open_tenant.enterprise, path=path_of(link))
    delete = f"/console/departments/{open_tenant.east.pk}/delete/"
    refused = desk.post(delete, follow=True)
    assert "t empty: join links. Only empty departments" in refused.text
    desk.post(page_of(link, "revoke/"))
    assert desk.post(delete).status_code == 303
    assert not Department.objects.filter(pk=open_tenant.east.pk).exists()
    assert desk.get(page_of(link)).status_code == 200
    assert "has been deleted" in desk.get(f"/console/applications/{application_of().pk}/").text


def test_a_link_whose_department_changed_after_the_page_uses_the_new_one(desk, free_tenant):
    """J9, mid-flight: nothing is taken from the page that was shown."""
    link = build_link(free_tenant, department=free_tenant.east)
    client = new_phone()
    prove(client, path_of(link))
    assert desk.post(page_of(link, "edit/"), form(department=free_tenant.market.pk)).status_code == 303
    assert desk.post(f"/console/departments/{free_tenant.east.pk}/delete/").status_code == 303
    assert client.post("/j/apply/", {"name": "张伟", "prefix": "zhangwei"})["Location"] == "/mailbox/"
    assert Member.objects.get(phone=PHONE).main_department == free_tenant.market


def test_a_link_follows_a_department_moved_after_the_page(desk, free_tenant):
    link = build_link(free_tenant, department=free_tenant.east)
    client = new_phone()
    prove(client, path_of(link))
    moved = {"department": free_tenant.root.pk}
    assert desk.post(f"/console/departments/{free_tenant.east.pk}/move/", moved).status_code == 303
    assert client.post("/j/apply/", {"name": "张伟", "prefix": "zhangwei"})["Location"] == "/mailbox/"
    assert Member.objects.get(phone=PHONE).main_department == free_tenant.east
    assert "示例科技/华东组" in desk.get(page_of(link)).text
    counts = dict(Department.objects.filter(enterprise=free_tenant.enterprise).values_list("name", "members_below"))
    assert counts == {"示例科技": 1, "市场部": 0, "华东组": 1}


def test_the_list_has_tabs_a_search_and_an_empty_state(desk, tenant):
    assert "No active links" in desk.get(LIST).text
    build_link(tenant, "活的")
    build_link(tenant, "过期", expires_at=timezone.now())
    build_link(tenant, "用完", uses_max=1, uses=1)
    build_link(tenant, "撤销", revoked_at=timezone.now())
    for state, name in {"active": "活的", "expired": "过期", "full": "用完", "revoked": "撤销"}.items():
        page = desk.get(LIST, {"state": state}).text
        assert page.count("data-id=") == 1
        assert name in page
        assert f'data-name="{state}" value="1"' in page
    assert "活的" in desk.get(LIST, {"q": "活"}).text
    assert "No matching links" in desk.get(LIST, {"q": "没有"}).text


@pytest.mark.parametrize("uses_max", [None, 1])
@pytest.mark.parametrize("expires_in", [None, -1, 3600])
@pytest.mark.parametrize("is_revoked", [True, False])
def test_tabs_and_pages_show_the_same_status(tenant, uses_max, expires_in, is_revoked):
    now = timezone.now()
    link = build_link(
        tenant,
        uses=1,
        uses_max=uses_max,
        expires_at=now + timedelta(seconds=expires_in) if expires_in else None,
        revoked_at=now if is_revoked else None,
    )
    found = [
        status for status in LinkStatus if status != "closed" and link in JoinLink.objects.filter(has_status(status))
    ]
    assert found == [own_status(link)]


def test_a_list_costs_the_same_whatever_is_on_it_and_pages_by_key(desk, tenant, monkeypatch):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            desk.get(LIST)
        return len(queries)

    build_link(tenant, "第1")
    few = cost()
    for number in range(2, 9):
        build_link(tenant, f"第{number}", department=tenant.east)
    assert cost() == few <= 9
    monkeypatch.setattr("invitations.links.list.LinkQuery.page_size", 3)
    first = desk.get(LIST).text
    assert "第8" in first
    assert "第5" not in first
    sixth = JoinLink.objects.get(name="第6")
    assert "第5" in desk.get(LIST, {"before": sixth.pk}).text


def test_a_camera_reads_its_code_and_the_poster_says_until_when(desk, tenant):
    link = build_link(tenant, expires_at=timezone.now() + timedelta(days=1))
    image = Image.open(io.BytesIO(desk.get(page_of(link, "qr.png?size=399")).content))
    assert zxingcpp.read_barcodes(image.convert("L"))[0].text == url_of(link)
    assert desk.get(page_of(link, "qr.svg")).text.startswith("<svg")
    poster = desk.get(page_of(link, "poster/")).text
    assert url_of(link) in poster
    assert "Valid through" in poster
    assert "春季招聘会" not in poster[poster.index("<article") : poster.index("</article")]


def test_another_enterprise_finds_no_link(client_of, charlie, tenant):
    link = build_link(tenant)
    client = client_of(charlie)
    assert "春季招聘会" not in client.get(LIST).text
    for part in ("", "edit/", "qr.svg", "qr.png?size=171", "poster/"):
        assert client.get(page_of(link, part)).status_code == 404
    for action in ("edit/", "revoke/"):
        assert client.post(page_of(link, action), form()).status_code == 404
    link.refresh_from_db()
    assert link.revoked_at is None


def test_the_default_link_and_colleagues_are_no_named_links(desk, tenant, lin):
    default = JoinLink.objects.get(enterprise=tenant.enterprise, name="", inviter=None)
    own = issue_link(tenant.enterprise, by=command_actor(), inviter=lin)
    for link in (default, own):
        assert desk.post(page_of(link, "revoke/")).status_code == 404


def test_a_link_works_to_the_end_of_its_last_day_and_no_longer(desk, open_tenant):
    """T11: its page, its form and its use agree."""
    desk.post(f"{LIST}new/", form(valid_until=today()))
    link = JoinLink.objects.get(name="春季招聘会")
    assert f'value="{today()}"' in desk.get(page_of(link, "edit/")).text
    assert today() in desk.get(page_of(link)).text.partition("<main")[2]
    with time_machine.travel(link.expires_at - timedelta(milliseconds=1), tick=False):
        assert new_phone().get(path_of(link)).status_code == 303
    with time_machine.travel(link.expires_at, tick=False):
        assert new_phone().get(path_of(link)).status_code == 410


def test_a_link_that_expires_at_this_moment_counts_no_use(tenant):
    now = timezone.now()
    link = build_link(tenant, expires_at=now)
    with time_machine.travel(now, tick=False), pytest.raises(LinkUsedUp):
        use_link(link)
    with time_machine.travel(now - timedelta(milliseconds=1), tick=False):
        use_link(link)
    link.refresh_from_db()
    assert link.uses == 1
