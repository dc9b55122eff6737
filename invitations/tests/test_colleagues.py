"""Members invite colleagues, only while joining is open; the inviter is recorded."""

from __future__ import annotations

import io
import re

import pytest
import zxingcpp
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from conftest import build_member
from directory.models import Member
from invitations.links.actions import colleague_link_url, default_link
from invitations.models import Application, JoinLink
from invitations.tests.people import PHONE, application_of, apply, new_phone, prove

PAGE = "/mailbox/colleagues/"
INVITERS = "/console/applications/inviters/"


@pytest.fixture
def lins_phone(client_of, lin):
    return client_of(lin.user, method="code", enterprise=lin.enterprise)


def link_path(member) -> str:
    return "/" + colleague_link_url(member).split("/", 3)[3]


def test_the_page_shows_the_members_own_link_and_qr_code(lins_phone, open_tenant, lin):
    page = lins_phone.get(PAGE)
    assert page.status_code == 200
    assert colleague_link_url(lin) in page.text
    assert colleague_link_url(lin) != default_link(open_tenant.enterprise)
    image = Image.open(io.BytesIO(lins_phone.get(f"{PAGE}qr.png?size=741").content))
    assert zxingcpp.read_barcodes(image.convert("L"))[0].text == colleague_link_url(lin)
    assert lins_phone.get(f"{PAGE}qr.svg").text.startswith("<svg")
    assert not JoinLink.objects.exclude(inviter=None).exists()


def test_while_joining_is_closed_the_page_and_links_to_it_are_gone(lins_phone, tenant, lin):
    for path in ("", "qr.svg", "qr.png"):
        assert lins_phone.get(PAGE + path).status_code == 404
    assert PAGE not in lins_phone.get("/mailbox/").text
    assert new_phone().get(link_path(lin)).status_code == 410
    tenant.enterprise.is_joining_open = True
    tenant.enterprise.save()
    assert PAGE in lins_phone.get("/mailbox/").text


def test_a_page_opened_before_joining_closed_does_not_work(lins_phone, open_tenant, lin):
    link = re.search(r"/j/[\w-]+/", lins_phone.get(PAGE).text)[0]
    invitee = new_phone()
    prove(invitee, link)
    open_tenant.enterprise.is_joining_open = False
    open_tenant.enterprise.save()
    assert lins_phone.get(PAGE).status_code == 404
    assert new_phone().get(link).status_code == 410
    assert invitee.post("/j/apply/", {"name": "张伟", "prefix": "zhangwei"}).status_code == 410
    assert not Application.objects.exists()


def test_with_approval_the_inviter_is_stored_and_shown(lins_phone, client_of, alice, open_tenant, lin):
    page = new_phone().get(link_path(lin), follow=True)
    assert "invited by 林晓" in page.text
    apply(open_tenant.enterprise, path=link_path(lin))
    application = application_of()
    assert application.inviter == lin
    assert application.link.uses == 1
    desk = client_of(alice)
    assert "林晓" in desk.get("/console/applications/").text
    assert "invited by 林晓" in desk.get(f"/console/applications/{application.pk}/").text
    waiting = lins_phone.get(PAGE).text
    assert "张伟" not in waiting
    assert "1 more is waiting for approval" in waiting
    desk.post(f"/console/applications/{application.pk}/approve/")
    member = Member.objects.get(phone=PHONE)
    page = desk.get(f"/console/members/{member.pk}/").text
    assert f'<a href="/console/members/{lin.pk}/">林晓</a>' in page
    assert f"/console/applications/?state=approved&amp;inviter={lin.pk}" in desk.get(f"/console/members/{lin.pk}/").text
    assert "张伟" in lins_phone.get(PAGE).text


def test_rejected_applicants_are_counted_but_not_named(lins_phone, client_of, alice, open_tenant, lin):
    apply(open_tenant.enterprise, path=link_path(lin))
    client_of(alice).post(f"/console/applications/{application_of().pk}/reject/", {"reason": "不认识"})
    apply(open_tenant.enterprise, "李娜", "lina", "+8613900139002", path=link_path(lin)).post("/j/status/withdraw/")
    page = lins_phone.get(PAGE).text
    assert "2 were rejected or withdrew" in page
    assert not any(words in page for words in ("张伟", "李娜", "不认识"))


def test_administrators_see_the_number_of_invitations_by_inviter(client_of, alice, erin, open_tenant, lin, wang):
    assert "No one has invited a colleague yet" in client_of(alice).get(INVITERS).text
    for number, path in enumerate([link_path(lin)] * 3):
        apply(open_tenant.enterprise, f"人{number}", f"ren{number}", f"+86139001390{number + 10}", path=path)
    desk = client_of(alice)
    desk.post(f"/console/applications/{application_of('+8613900139010').pk}/approve/")
    desk.post(f"/console/applications/{application_of('+8613900139011').pk}/reject/")
    for client in (desk, client_of(erin)):
        page = client.get(INVITERS).text
        assert page.count("data-id=") == 1
        assert re.findall(r">(\d+)</a>", page[page.index("data-id=") :])[:2] == ["1", "1"]
        assert f"?state=approved&amp;inviter={lin.pk}" in page
    assert "data-id=" in desk.get(INVITERS, {"q": "linx"}).text
    assert "No matching members" in desk.get(INVITERS, {"q": "王"}).text
    assert "人0" in desk.get("/console/applications/", {"state": "approved", "inviter": lin.pk}).text


def test_a_department_administrator_counts_within_their_departments(client_of, bob, charlie, open_tenant, lin):
    apply(open_tenant.enterprise, path=link_path(lin))
    assert "data-id=" not in client_of(bob).get(INVITERS).text
    Application.objects.update(department=open_tenant.east)
    assert "data-id=" in client_of(bob).get(INVITERS).text
    assert "data-id=" not in client_of(charlie).get(INVITERS).text


def test_the_list_of_inviters_costs_the_same_whatever_is_on_it(client_of, alice, open_tenant, lin, monkeypatch):
    def invite(number: int) -> None:
        phone = f"+86138001390{number + 10}"
        inviter = build_member(open_tenant, f"邀{number}", f"yao{number}", phone, status="active")
        apply(
            open_tenant.enterprise, f"人{number}", f"ren{number}", f"+86139001390{number + 10}", path=link_path(inviter)
        )

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            desk.get(INVITERS)
        return len(queries)

    desk = client_of(alice)
    invite(0)
    few = cost()
    for number in range(1, 6):
        invite(number)
    assert cost() == few <= 10
    monkeypatch.setattr("invitations.colleagues.list.InviterQuery.page_size", 2)
    page = desk.get(INVITERS).text
    assert "邀5" in page
    assert "邀0" not in page


def test_without_approval_the_inviter_is_stored_too(free_tenant, lin, client_of, alice):
    apply(free_tenant.enterprise, path=link_path(lin))
    member = Member.objects.get(phone=PHONE)
    assert member.origin["invited_by"] == "林晓"
    assert "林晓" in client_of(alice).get(f"/console/members/{member.pk}/").text
    apply(free_tenant.enterprise, "李娜", "lina", "+8613900139002", path=link_path(lin))
    assert JoinLink.objects.get(inviter=lin).uses == 2


def test_a_former_member_can_not_invite(open_tenant, lin):
    path, invitee = link_path(lin), new_phone()
    prove(invitee, path)
    Member.objects.filter(pk=lin.pk).update(status="disabled")
    assert new_phone().get(path).status_code == 410
    assert invitee.post("/j/apply/", {"name": "张伟", "prefix": "zhangwei"}).status_code == 410


def test_a_link_with_another_members_id_was_never_issued(open_tenant, lin, wang):
    token = link_path(lin).split("/")[2]
    own = token[22:]
    assert new_phone().get(f"/j/{token[:22]}{own}0/").status_code == 404
    assert new_phone().get(f"/j/{token[:22]}0{own}/").status_code == 404
    assert new_phone().get(f"/j/{token[:22]}{own.upper()}x/").status_code == 404


def test_anonymous_visitors_are_sent_to_sign_in(open_tenant):
    assert new_phone().get(PAGE)["Location"].startswith("/login/")
