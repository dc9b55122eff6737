"""An undo says beforehand what it takes back and what it keeps, and does exactly that."""

import re

from accounts.audit.recording import command_actor
from accounts.models import AuditEvent
from conftest import build_member
from directory.imports.undo import forecast
from directory.joining.activation_codes import issue_code
from directory.joining.invitations import invite_member
from directory.members.actions import change_member, disable_members
from directory.members.data import MemberData
from directory.members.recycle_bin import delete_members
from directory.models import Import, Member
from directory.tests.imports.test_pages import applied, checked
from directory.tests.imports.workbooks import person, xlsx

BY = command_actor()


def figures(html):
    return {name: int(value) for name, value in re.findall(r'data-undo="(\w+)" value="(\d+)"', html)}


def edit(member, **values):
    change_member(member, MemberData.from_member(member)._replace(**values), by=BY)


def fields(html):
    """Return what the form of the undo would post."""
    return {"expected": re.search(r'name="expected" value="(\d+)"', html)[1]}


def test_what_an_undo_keeps_is_counted_by_reason_before_it_starts(client_of, alice, tenant, lin, wang):
    client = client_of(alice)
    rows = [person(number) for number in range(1, 9)]
    rows[4] = person(5, phone="", activation="激活码")
    rows += [
        person(10, name="林晓", prefix="linxiao", phone="13800138001", departments="市场部", position="总监"),
        person(11, name="王芳", prefix="wangfang", phone="13800138002", departments="市场部/华东组", position="会计"),
    ]
    page = checked(client, tenant, xlsx(*rows), mode="update")
    assert figures(applied(client, page)) == {"removed": 8, "reverted": 2}
    members = {int(member.name[2:]): member for member in Member.objects.filter(name__startswith="成员")}
    edit(members[2], position="改过")
    edit(members[3], position="改过")
    edit(members[3], position="")
    invite_member(members[4], by=BY)
    issue_code(members[5], by=BY)
    delete_members(tenant.enterprise, [members[6].pk], by=BY)
    disable_members(tenant.enterprise, [members[7].pk], by=BY)
    Member.objects.filter(pk=members[8].pk).update(status="active")
    wang.refresh_from_db()
    edit(wang, position="出纳")
    expected = {
        "removed": 2,
        "reverted": 1,
        "gone": 1,
        "edited": 2,
        "joined": 1,
        "disabled": 1,
        "invited": 1,
        "code": 1,
    }
    html = client.get(page).content.decode()
    assert figures(html) == expected
    assert client.post(f"{page}undo/", fields(html)).status_code == 303
    html = client.get(page).content.decode()
    assert figures(html) == expected, "what was said was done"
    assert not Member.objects.filter(name__in=["成员1", "成员3"]).exists()
    after = AuditEvent.objects.get(action="import_undone").personal["after"]
    assert (after["removed"], after["reverted"], after["kept"], after["kept_edited"]) == (2, 1, 7, 2)
    imported = Import.objects.get()
    assert (imported.undone, imported.kept) == (3, 7)


def test_beyond_a_few_thousand_edits_the_log_is_believed(client_of, alice, tenant, monkeypatch):
    monkeypatch.setattr(forecast, "COMPARED_MAX", 0)
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1), person(2)))
    applied(client, page)
    edit(Member.objects.get(name="成员1"), position="改过")
    edit(Member.objects.get(name="成员1"), position="")
    assert figures(client.get(page).content.decode()) == {"removed": 1, "reverted": 0, "edited": 1}


def test_an_undo_asks_again_if_its_counts_changed_meanwhile(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1), person(2)))
    seen = fields(applied(client, page))
    invite_member(Member.objects.get(name="成员1"), by=BY)
    for posted in (seen, {"expected": "x"}, {"expected": "9" * 30}):
        answer = client.post(f"{page}undo/", posted)
        html = answer.content.decode()
        assert answer.status_code == 422
        assert "have changed in the meantime" in html
        assert figures(html) == {"removed": 1, "reverted": 0, "invited": 1}
        assert not Import.objects.get().follow_up
        assert Member.objects.count() == 2
    assert client.post(f"{page}undo/", fields(html)).status_code == 303
    assert Member.objects.get().name == "成员1"


def test_values_that_others_have_taken_since_keep_an_update(client_of, alice, tenant, wang):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(["wangfang", "13900000002"], headings=["帐号", "手机号"]), mode="update")
    applied(client, page)
    build_member(tenant, "后来", "later", "+8613800138002")
    html = client.get(page).content.decode()
    assert figures(html) == {"removed": 0, "reverted": 1}
    client.post(f"{page}undo/", fields(html))
    assert figures(client.get(page).content.decode()) == {"removed": 0, "reverted": 0, "taken": 1}


def test_a_department_administrator_undoes_nothing_out_of_their_reach(client_of, bob, tenant):
    client = client_of(bob)
    page = checked(client, tenant, xlsx(person(1), person(2)), department=tenant.market.pk)
    applied(client, page)
    edit(Member.objects.get(name="成员1"), departments=(tenant.root.pk,))
    html = client.get(page).content.decode()
    assert figures(html) == {"removed": 1, "reverted": 0, "gone": 1}
    client.post(f"{page}undo/", fields(html))
    assert Member.objects.get().name == "成员1"


def test_an_undo_that_would_do_nothing_is_not_offered(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1)))
    applied(client, page)
    edit(Member.objects.get(), position="改过")
    html = client.get(page).content.decode()
    assert figures(html) == {"removed": 0, "reverted": 0, "edited": 1}
    assert "There is nothing left to undo" in html
    assert f'action="{page}undo/"' not in html
