"""Updates by an import in chunks leave the same rows in every table as `edit_member` does one by one."""

from __future__ import annotations

from itertools import product

import pytest
from allauth.usersessions.models import UserSession
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.audit.recording import command_actor
from accounts.audit.verification import verify_chain
from accounts.models import AuditEvent, KnownBrowser, User
from accounts.sign_in.known_browsers import remember_browser
from conftest import audit_events, build_member
from directory.imports import apply as applying
from directory.imports import apply_updates
from directory.imports.actions import begin_import, start_follow_up
from directory.imports.check import Check
from directory.imports.job import QUEUE, work_on_imports
from directory.imports.upload import start_import
from directory.joining.activation_codes import issue_code
from directory.joining.invitations import invite_member
from directory.members.conflicts import Claims, look_up_claims
from directory.models import ActivationCode, Address, Department, Import, Invitation, Member, Membership, Reading
from directory.tests.imports.workbooks import upload, xlsx
from directory.tests.member_counts import move_counts
from sms.models import Message

KINDS = {
    "name": {"name": "乐任飞"},
    "account": {"account": "new{n}"},
    "prefix": {"prefix": "new{n}"},
    "phone": {"phone": "137{n:08d}"},
    "departments": {"departments": "市场部;市场部/华东组"},
    "position": {"position": "经理"},
    "code": {"activation": "激活码"},
    "by phone": {"activation": "手机号", "phone": "136{n:08d}"},
    "aliases": {"aliases": "z{n};a{n}"},
    "alias becomes mailbox": {"prefix": "old{n}", "aliases": "m{n}"},
    "nothing": {},
    "all": {"name": "New Name", "prefix": "all{n}", "phone": "135{n:08d}", "departments": "市场部/华东组",
            "position": "总监", "activation": "手机号", "aliases": "b{n};c{n}"},
}  # fmt: skip
STATES = ("pending", "invited", "joined", "disabled", "by code", "joined by code", "joined by code with phone")


@pytest.fixture
def by(alice):
    return command_actor(alice)


def stand(tenant, number, state, by):
    """A member in this state; everyone has an alias."""
    by_code = "code" in state
    phone = None if by_code and "phone" not in state else f"+86138{number:08d}"
    fields = {"activation": "code" if by_code else "phone", "department": tenant.market if number % 2 else tenant.root}
    if "joined" in state or state == "disabled":
        login = {"login": f"m{number}@example.com"} if by_code else {"phone": phone}
        fields["user"] = user = User.objects.create_user(name=f"乐{number}", **login)
        fields["status"] = "disabled" if state == "disabled" else "active"
        for enterprise in (tenant.enterprise.pk, 0):
            UserSession.objects.create(
                user=user, session_key=f"{number}-{enterprise}", ip="127.0.0.1", data={"enterprise": enterprise}
            )
        remember_browser(user, tenant.enterprise, browser=f"browser {number}")
    member = build_member(tenant, f"乐{number}", f"m{number}", phone, **fields)
    Address.objects.create(
        enterprise=tenant.enterprise, domain=tenant.domain, local=f"old{number}", purpose="alias", member=member
    )
    if number % 3 == 0:
        Membership.objects.create(member=member, department=tenant.east)
        move_counts(before=[member.main_department], after=[member.main_department, tenant.east])
    if state == "invited":
        invite_member(member, by=by)
    if state == "by code":
        issue_code(member, by=by)
    return member


def row_of(member, **cells):
    others = [f"{one}" for one in sorted(member.departments.all(), key=lambda one: one.pk != member.main_department_id)]
    paths = {"示例科技": "", "市场部": "市场部", "华东组": "市场部/华东组"}
    number = int(member.account[1:])
    values = {"name": member.name, "prefix": member.account, "domain": "", "account": member.account}
    values |= {"phone": member.phone or "", "departments": ";".join(filter(None, (paths[one] for one in others)))}
    values |= {"position": member.position, "activation": {"code": "激活码"}.get(member.activation, "手机号")}
    values |= {"aliases": f"old{number}"} | {name: value.format(n=number) for name, value in cells.items()}
    return list(values.values())


def checked(tenant, by, *rows):
    imported = start_import(tenant.root, by=by, upload=upload(xlsx(*rows)), mode="update")
    work_on_imports()
    imported.refresh_from_db()
    assert imported.state == "ready", imported.reason
    begin_import(imported, by=by)
    return imported


def undo(imported, by):
    start_follow_up(imported, "undo", by=by)
    work_on_imports()


def everything():
    """Return everything that an edit can change, except ids and times."""
    events = (
        audit_events()
        .order_by("number")
        .values_list("number", "action", "target_type", "target_id", "actor_user_id", "role", "via", "personal")
    )
    return {
        "members": list(Member.objects.order_by("pk").values()),
        "addresses": list(Address.objects.order_by("member", "pk").values_list("member", "purpose", "local", "domain")),
        "memberships": sorted(Membership.objects.values_list("member", "department")),
        "readings": list(Reading.objects.order_by("member", "pk").values_list("member", "pinyin", "initials")),
        "counts": list(Department.objects.order_by("pk").values_list("pk", "members_below")),
        "users": list(User.objects.order_by("pk").values("pk", "login", "phone", "is_active")),
        "sessions": sorted(UserSession.objects.values_list("session_key", flat=True)),
        "browsers": sorted(KnownBrowser.objects.values_list("key", flat=True)),
        "invitations": sorted(Invitation.objects.filter(revoked_at=None).values_list("pk", flat=True)),
        "codes": sorted(ActivationCode.objects.filter(revoked_at=None).values_list("pk", flat=True)),
        "messages": sorted(Message.objects.values_list("pk", "state", "reason")),
        "events": [(*event, {**personal, "salt": ""}) for *event, personal in events],
        "rows": list(
            applying.ImportRow.objects.order_by("import_job", "number").values_list(
                "number", "verdict", "facts", "problems", "previous", "member", "undo"
            )
        ),
        "imports": list(Import.objects.values_list("state", "updated", "refused", "applied", "undone", "kept")),
    }


def tried(*works):
    """Return what each change leaves, and roll it back."""
    left = []
    with transaction.atomic():
        for work in works:
            work()
            left.append(everything())
        transaction.set_rollback(True)
    return left


def nothing_claimed(check, known):
    return look_up_claims(check.imported.enterprise, Claims(), check.role, known)


def refuse(*_args, **_kwargs):
    raise IntegrityError


def test_at_once_and_one_by_one_leave_the_same_rows_in_every_table(tenant, alice, by, monkeypatch):
    members = [stand(tenant, number, state, by) for number, (state, _) in enumerate(product(STATES, KINDS), start=1)]
    rows = [row_of(member, **KINDS[kind]) for member, (_, kind) in zip(members, product(STATES, KINDS), strict=True)]
    imported = checked(tenant, by, *rows)
    assert imported.updated > 60, list(imported.rows.values_list("number", "problems"))

    def take_back():
        imported.refresh_from_db()
        undo(imported, by)

    at_once, taken_back = tried(work_on_imports, take_back)
    monkeypatch.setattr(apply_updates, "edit_members", refuse)
    one_by_one, taken_back_so = tried(work_on_imports, take_back)
    for table in at_once:
        assert at_once[table] == one_by_one[table], table
        assert taken_back[table] == taken_back_so[table], table
    assert len(at_once["events"]) > 60
    state, updated, refused, _applied, undone, _kept = taken_back["imports"][0]
    assert (state, updated, refused, undone) == ("done", imported.updated, imported.refused, imported.updated)


def test_many_changes_cost_the_statements_of_three(tenant, by):
    counts = []
    for numbers in (range(3), range(3, 303)):
        members = [stand(tenant, number, "pending", by) for number in numbers]
        imported = checked(tenant, by, *(row_of(member, **KINDS["all"]) for member in members))
        with CaptureQueriesContext(connection) as applying_it:
            work_on_imports()
        imported.refresh_from_db()
        assert (imported.state, imported.updated) == ("done", len(members))
        start_follow_up(imported, "undo", by=by)
        imported.refresh_from_db()
        counts.append(len(applying_it))
    assert counts[0] == counts[1]
    assert verify_chain(tenant.enterprise.pk) is None


def test_what_the_database_refuses_is_found_and_the_others_are_changed(tenant, by, monkeypatch):
    members = [stand(tenant, number, "pending", by) for number in range(1, 8)]
    other = stand(tenant, 9, "pending", by)
    imported = checked(tenant, by, *(row_of(member, position="经理", phone="137{n:08d}") for member in members))
    Member.objects.filter(pk=other.pk).update(phone="+8613700000004")
    monkeypatch.setattr(Check, "look_up", lambda check, _claims, known: nothing_claimed(check, known))
    work_on_imports()
    imported.refresh_from_db()
    assert (imported.state, imported.updated, imported.refused) == ("done", 6, 1)
    row = imported.rows.get(verdict="refused")
    assert (row.member_id, row.problems[0]["column"]) == (members[3].pk, "phone")
    assert (row.problems[0]["text"][:19], row.problems[0]["params"]["name"]) == ("%(what)s belongs to", "乐9")
    assert Member.objects.filter(position="经理").count() == 6
    assert AuditEvent.objects.filter(action="member_edited").count() == 6


def test_a_login_that_another_has_is_refused_in_its_row(tenant, by):
    first, second = (stand(tenant, number, "joined by code", by) for number in (1, 2))
    User.objects.create_user(login="taken@example.com", name="other")
    imported = checked(tenant, by, row_of(first, prefix="taken"), row_of(second, prefix="free"))
    work_on_imports()
    imported.refresh_from_db()
    assert (imported.updated, imported.refused) == (1, 1)
    (problem,) = imported.rows.get(verdict="refused").problems
    assert (problem["column"], problem["text"]) == ("prefix", "%(address)s is already used as a login.")
    assert sorted(User.objects.filter(login__contains="@").values_list("login", flat=True)) == [
        "free@example.com", "m1@example.com", "taken@example.com",
    ]  # fmt: skip


def test_two_rows_about_one_member_come_after_one_another(tenant, by):
    member = stand(tenant, 1, "by code", by)
    imported = checked(
        tenant, by, row_of(member, position="一", prefix="x{n}", aliases=""), row_of(member, account="b1", name="二")
    )
    assert imported.updated == 2, list(imported.rows.values_list("problems", flat=True))
    work_on_imports()
    member.refresh_from_db()
    assert (member.name, member.account, member.position) == ("二", "b1", "一")
    assert AuditEvent.objects.filter(action="member_edited", target_id=member.pk).count() == 2


def test_a_member_in_the_bin_by_now_is_refused_and_one_edited_meanwhile_keeps_that(tenant, by):
    first, second = (stand(tenant, number, "pending", by) for number in (1, 2))
    imported = checked(tenant, by, row_of(first, position="经理"), row_of(second, position="经理"))
    Member.objects.filter(pk=first.pk).update(deleted_at=timezone.now())
    Member.objects.filter(pk=second.pk).update(name="改过")
    work_on_imports()
    assert list(imported.rows.order_by("number").values_list("verdict", flat=True)) == ["refused", "updated"]
    second.refresh_from_db()
    assert (second.name, second.position) == ("改过", "经理")


def test_a_worker_that_ends_inside_a_chunk_leaves_the_chunks_before(tenant, by, monkeypatch):
    members = [stand(tenant, number, "pending", by) for number in range(1, 9)]
    imported = checked(tenant, by, *(row_of(member, position="经理") for member in members))
    real, visits = applying._store_changes, iter([False, True])

    def break_down(*args):
        if next(visits):
            raise OperationalError
        real(*args)

    monkeypatch.setattr(applying, "CHANGES", 3)
    monkeypatch.setattr(applying, "_store_changes", break_down)
    with pytest.raises(OperationalError):
        work_on_imports()
    assert Member.objects.filter(position="经理").count() == 3
    assert AuditEvent.objects.filter(action="member_edited").count() == 3
    assert QUEUE.claim() is None, "nobody takes over while the lease lasts"
    Import.objects.update(lease_until=timezone.now())
    monkeypatch.setattr(applying, "_store_changes", real)
    work_on_imports()
    imported.refresh_from_db()
    assert (imported.state, imported.updated, imported.applied) == ("done", 8, 8)
    assert AuditEvent.objects.filter(action="member_edited").count() == 8


def test_a_phone_swap_is_refused_with_instructions(tenant, alice, by, client_of):
    one, other = stand(tenant, 1, "pending", by), stand(tenant, 2, "pending", by)
    rows = row_of(one, phone=str(other.phone)), row_of(other, phone=str(one.phone))
    imported = start_import(tenant.root, by=by, upload=upload(xlsx(*rows)), mode="update")
    work_on_imports()
    page = client_of(alice).get(f"/console/imports/{imported.pk}/").text
    assert page.count("To swap two members&#x27; numbers, first clear or change one, then import again.") == 2
