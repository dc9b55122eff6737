"""Administrators: the list, appointing, changing, removing, and permissions."""

import re
import threading

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from accounts.audit.recording import Actor, command_actor
from accounts.models import AuditEvent, Role, User
from accounts.sign_in import hashers
from conftest import PASSWORD, audit_events, build_member, build_user
from directory.administrators import list as administrator_rows
from directory.administrators.actions import appoint_user, change_role, remove_administrator
from directory.models import DepartmentScope

LIST = "/console/administrators/"
NEW = "/console/administrators/new/"
NEWCOMER = {"name": "何苗", "login": "hemiao", "password": "a long enough secret", "role": "auditor"}


def url(user, action):
    return f"{LIST}{user.roles.get().pk}/{action}/"


def role_names(user):
    return list(user.roles.values_list("name", flat=True))


@pytest.fixture
def owner(client_of, alice):
    return client_of(alice)


@pytest.fixture
def signed_in(settings):
    """Return `signed_in(user)`: a client that used the real sign-in page, so that its session can be ended."""
    settings.ACCOUNTS_SECOND_FACTOR_REQUIRED = False

    def sign_in(user):
        client = Client(headers={"accept-language": "en"})
        answer = client.post("/login/password/", {"login": user.login, "password": PASSWORD})
        assert answer.status_code in {302, 303}
        return client

    return sign_in


# The list.


def test_the_list_says_who_does_what_where_and_how_they_sign_in(owner, alice, bob, erin, lin, tenant):
    appoint_user(tenant.enterprise, user=lin.user, name="auditor", by=command_actor())
    page = owner.get(LIST).content.decode()
    for part in (
        "Owner",
        "Alice",
        "示例科技/市场部",
        "Auditor",
        "Password",
        "Phone code",
        "林晓",
        "Entire enterprise",
    ):
        assert part in page
    assert page.index("Alice") < page.index("Bob") < page.index("Erin")


def test_another_enterprises_are_not_listed_nor_reached(owner, alice, charlie):
    assert "Charlie" not in owner.get(LIST).content.decode()
    for action in ("edit", "remove"):
        assert owner.get(url(charlie, action)).status_code == 404
        assert owner.post(url(charlie, action), {"role": "auditor"}).status_code == 404
    assert role_names(charlie) == ["owner"]


def test_search_and_role_narrow_the_list(owner, alice, bob, dora, erin):
    def found(**asked):
        return [row.role.user.name for row in owner.get(LIST, asked).context["rows"]]

    assert found() == ["Alice", "Dora", "Bob", "Erin"]
    assert found(q="DO") == ["Dora"]
    assert found(role="auditor") == ["Erin"]
    assert found(q="b", role="auditor") == []
    assert found(role="nonsense", q="\0", after="x", before="9.9x") == ["Alice", "Dora", "Bob", "Erin"]
    assert b"No matching administrators" in owner.get(LIST, {"q": "nobody"}).content


def test_pages_follow_one_another(owner, alice, tenant, monkeypatch):
    monkeypatch.setattr(administrator_rows.AdministratorQuery, "page_size", 2)
    Role.objects.exclude(user=alice).delete()
    for n in range(4):
        build_user(f"a{n}", tenant, "auditor" if n % 2 else "admin")

    def read(address):
        context = owner.get(LIST + address).context
        return [row.role.user.login for row in context["rows"]], context["pages"]

    first, pages = read("")
    second, pages_2 = read(pages.next_url)
    third, pages_3 = read(pages_2.next_url)
    assert (first, second, third) == (["alice", "a0"], ["a2", "a1"], ["a3"])
    assert (pages.previous_url, pages_3.next_url) == ("", "")
    assert read(pages_3.previous_url)[0] == second
    assert read(pages_2.previous_url)[0] == first


def test_a_page_costs_the_same_whatever_is_on_it(owner, tenant):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            owner.get(LIST)
        return len(queries)

    def add(count):
        for _ in range(count):
            user = build_user(f"u{User.objects.count()}", tenant, "department_admin")
            DepartmentScope.objects.create(role=user.roles.get(), department=tenant.market)

    add(3)
    few = cost()
    add(45)
    assert cost() == few <= 13


def test_last_seen_counts_this_enterprise_only(owner, tenant, other_tenant, alice, erin, signed_in):
    assert b"Never" in owner.get(LIST, {"q": "erin"}).content
    Role.objects.create(user=erin, enterprise=other_tenant.enterprise, name="auditor")
    elsewhere = UserSession.objects.create(user=erin, session_key="x", ip="1.1.1.1", data={"enterprise": 0})
    assert elsewhere.last_seen_at
    assert b"Never" in owner.get(LIST, {"q": "erin"}).content
    Role.objects.filter(enterprise=other_tenant.enterprise).delete()
    signed_in(erin)
    assert b"Never" not in owner.get(LIST, {"q": "erin"}).content


# Appointing.


def test_an_active_member_is_found_and_appointed(owner, lin, tenant):
    page = owner.get(NEW, {"q": "lin"})
    assert f"?member={lin.pk}" in page.content.decode()
    typed = {"member": lin.pk, "role": "department_admin", "departments": [tenant.market.pk, tenant.east.pk]}
    assert owner.post(NEW, typed).status_code == 303
    role = lin.user.roles.get()
    assert (role.name, role.enterprise) == ("department_admin", tenant.enterprise)
    assert set(role.scopes.values_list("department", flat=True)) == {tenant.market.pk, tenant.east.pk}
    event = AuditEvent.objects.get(action="administrator_appointed")
    assert event.personal["after"] == {"role": "department_admin", "departments": ["市场部", "华东组"]}
    assert event.personal["target"] == "林晓"


def test_a_pending_member_cannot_be_appointed(owner, wang, zhao):
    found = owner.get(NEW, {"q": "wang"}).content.decode()
    assert f"?member={wang.pk}" not in found
    assert "Not joined" in found
    assert "joined yet and can" in owner.get(NEW, {"member": wang.pk}).content.decode()
    for member in (wang, zhao):
        assert owner.post(NEW, {"member": member.pk, "role": "auditor"}).status_code == 422
    assert not Role.objects.filter(user__members__isnull=False).exists()


def test_a_member_of_another_enterprise_is_not_found(owner, other_tenant):
    user = User.objects.create_user(phone="+8613800138099", name="外人")
    other = build_member(other_tenant, "外人", "wairen", "+8613800138099", status="active", user=user)
    assert "外人" not in owner.get(NEW, {"q": "wairen"}).content.decode()
    assert owner.get(NEW, {"member": other.pk}).status_code == 404
    assert owner.post(NEW, {"member": other.pk, "role": "owner"}).status_code == 404


def test_somebody_else_gets_a_login_and_a_password(owner, client):
    assert owner.post(NEW, NEWCOMER).status_code == 303
    user = User.objects.get(login="hemiao")
    assert (user.name, role_names(user), user.check_password(NEWCOMER["password"])) == ("何苗", ["auditor"], True)
    assert not user.members.exists()
    assert client.post("/login/password/", NEWCOMER).status_code in {302, 303}
    assert NEWCOMER["password"] not in str(list(AuditEvent.objects.values_list("personal", flat=True)))


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"login": ""}, "login"),
        ({"login": "ALICE"}, "login"),
        ({"login": "he@example.com"}, "login"),
        ({"login": "何"}, "login"),
        ({"login": "x" * 65}, "login"),
        ({"name": "\u202ex"}, "name"),
        ({"name": ""}, "name"),
        ({"password": "short"}, "password"),
        ({"password": "password123"}, "password"),
        ({"password": "hemiao hemiao", "login": "hemiao.hemiao"}, "password"),
        ({"role": ""}, "role"),
        ({"role": "god"}, "role"),
        ({"role": "department_admin"}, "departments"),
        ({"role": "department_admin", "departments": ["999999"]}, "departments"),
    ],
)
def test_errors_show_beside_their_field_and_nothing_is_created(owner, alice, typed, field):
    answer = owner.post(NEW, NEWCOMER | typed)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert not User.objects.filter(name="何苗").exists()
    page = answer.content.decode()
    assert NEWCOMER["password"] not in page
    assert field == "name" or 'value="何苗"' in page


ALL_WRONG = {"name": "", "login": "he@example.com", "password": "short", "role": "department_admin"}


@pytest.mark.parametrize(
    ("typed", "fields"),
    [
        (ALL_WRONG, ["name", "login", "password", "departments"]),
        (ALL_WRONG | {"role": ""}, ["name", "login", "password", "role"]),
        (ALL_WRONG | {"name": "何苗", "login": "", "departments": ["x"]}, ["login", "password", "departments"]),
    ],
)
def test_all_errors_show_at_once(owner, typed, fields):
    answer = owner.post(NEW, typed)
    assert answer.status_code == 422
    errors = answer.context["form"].errors
    assert (sorted(errors), {len(messages) for messages in errors.values()}) == (sorted(fields), {1})


def test_when_all_hashers_are_busy_nobody_is_made_yet(owner, settings, monkeypatch):
    settings.PASSWORD_HASHERS = ["accounts.sign_in.hashers.BoundedArgon2PasswordHasher"]
    monkeypatch.setattr(hashers, "PATIENCE_SECONDS", 0)
    monkeypatch.setattr(hashers, "_slots", threading.BoundedSemaphore(1))
    with hashers._slots:
        answer = owner.post(NEW, NEWCOMER)
    assert (answer.status_code, answer["Retry-After"]) == (429, "5")
    assert not User.objects.filter(name="何苗").exists()
    assert owner.post(NEW, NEWCOMER).status_code == 303


def test_nobody_has_two_roles(owner, lin):
    assert owner.post(NEW, {"member": lin.pk, "role": "auditor"}).status_code == 303
    answer = owner.post(NEW, {"member": lin.pk, "role": "owner"})
    assert answer.status_code == 422
    assert "already has a role" in answer.content.decode()
    assert role_names(lin.user) == ["auditor"]


# Changing.


def test_a_role_is_changed_with_before_and_after(owner, bob, tenant):
    typed = {"role": "department_admin", "departments": [tenant.east.pk]}
    assert owner.post(url(bob, "edit"), typed).status_code == 303
    assert list(bob.roles.get().scopes.values_list("department", flat=True)) == [tenant.east.pk]
    assert owner.post(url(bob, "edit"), {"role": "auditor", "departments": [tenant.east.pk]}).status_code == 303
    assert not DepartmentScope.objects.exists()
    first, second = AuditEvent.objects.filter(action="administrator_changed").order_by("number")
    assert first.personal["before"] == {"role": "department_admin", "departments": ["市场部"]}
    assert first.personal["after"] == {"role": "department_admin", "departments": ["华东组"]}
    assert second.personal["after"] == {"role": "auditor"}


def test_saving_without_a_change_records_nothing(owner, bob, tenant):
    typed = {"role": "department_admin", "departments": [tenant.market.pk]}
    assert owner.post(url(bob, "edit"), typed).status_code == 303
    assert not audit_events().exists()


@pytest.mark.parametrize(
    ("to", "departments", "is_out"),
    [
        ("auditor", [], True),
        ("department_admin", ["east"], True),
        ("department_admin", ["market", "east"], False),
        ("department_admin", ["root"], False),
        ("admin", [], False),
    ],
)
def test_losing_permissions_ends_the_sessions(owner, bob, tenant, signed_in, to, departments, is_out):
    browser = signed_in(bob)
    assert browser.get("/console/members/").status_code == 200
    ids = [getattr(tenant, name).pk for name in departments]
    assert owner.post(url(bob, "edit"), {"role": to, "departments": ids}).status_code == 303
    assert (browser.get("/console/members/").status_code == 302) == is_out


def test_a_role_that_was_taken_away_ends_at_once(owner, dora, signed_in):
    browser = signed_in(dora)
    assert browser.get(LIST).status_code == 200
    assert owner.post(url(dora, "remove")).status_code == 303
    assert browser.get(LIST).status_code == 302
    assert role_names(dora) == []
    event = AuditEvent.objects.get(action="administrator_removed")
    assert (event.role, event.personal["before"]) == ("owner", {"role": "admin"})


def test_a_session_elsewhere_stays(owner, dora, other_tenant, signed_in):
    browser = signed_in(dora)
    UserSession.objects.update(data={"enterprise": other_tenant.enterprise.pk})
    owner.post(url(dora, "remove"))
    assert browser.get("/mailbox/devices/").status_code == 200


# A lost second factor.


def test_a_lost_second_factor_is_reset(owner, alice, dora, enterprise):
    assert "no second factor yet" in owner.get(LIST).content.decode()
    assert url(dora, "reset") not in owner.get(url(dora, "edit")).content.decode()
    Authenticator.objects.create(user=dora, type=Authenticator.Type.TOTP, data={"secret": "x"})
    assert "with second factor" in owner.get(LIST, {"q": "dora"}).content.decode()
    assert url(dora, "reset") in owner.get(url(dora, "edit")).content.decode()
    assert owner.post(url(dora, "reset")).status_code == 303
    assert not Authenticator.objects.exists()
    assert AuditEvent.objects.get(action="factors_reset").personal["target"] == "Dora"


def test_a_second_factor_is_reset_by_those_above_only(client_of, alice, dora, bob, charlie, tenant):
    other = build_user("dan", tenant, "admin")
    for user in (alice, other, bob, dora):
        Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "x"})
    client = client_of(dora)
    for user in (alice, other, dora):
        assert client.post(url(user, "reset")).status_code == 403
    assert client.post(url(bob, "reset")).status_code == 303
    assert set(Authenticator.objects.values_list("user__login", flat=True)) == {"alice", "dan", "dora"}
    assert client_of(charlie).post(url(dora, "reset")).status_code == 404


# Who may not.


@pytest.mark.parametrize("action", ["new", "edit", "remove"])
def test_an_old_verification_is_asked_for_again(owner, erin, action):
    session = owner.session
    session["factor_at"] -= 601
    session["proved_at"] -= 601
    session.save()
    path = NEW if action == "new" else url(erin, action)
    assert owner.get(path)["Location"].partition("?")[0] == "/confirm/"
    answer = owner.post(path, NEWCOMER)
    assert answer.status_code == 422
    assert b'name="proof"' in answer.content
    assert role_names(erin) == ["auditor"]
    assert not User.objects.filter(name="何苗").exists()
    assert owner.get(LIST).status_code == 200


@pytest.mark.parametrize("person", ["bob", "erin"])
def test_department_administrators_and_auditors_appoint_nobody(request, client_of, alice, person):
    client = client_of(request.getfixturevalue(person))
    assert client.get(LIST).status_code == (200 if person == "erin" else 403)
    for path in (NEW, url(alice, "edit"), url(alice, "remove")):
        assert client.get(path).status_code == 403
        assert client.post(path, NEWCOMER).status_code == 403
    assert client.post(LIST).status_code in {403, 405}
    assert role_names(alice) == ["owner"]
    assert not User.objects.filter(name="何苗").exists()


def test_an_administrator_manages_only_those_below(client_of, alice, dora, bob, erin, tenant):
    other = build_user("dan", tenant, "admin")
    client = client_of(dora)
    page = client.get(LIST).content.decode()
    for user, is_below in ((alice, False), (other, False), (bob, True), (erin, True)):
        assert (url(user, "edit") in page) == (url(user, "remove") in page) == is_below
        assert client.get(url(user, "edit")).status_code == (200 if is_below else 403)
    for user in (alice, other):
        assert client.post(url(user, "edit"), {"role": "auditor"}).status_code == 403
        assert client.post(url(user, "remove")).status_code == 403
    assert (role_names(alice), role_names(other)) == (["owner"], ["admin"])


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_an_administrator_makes_nobody_an_equal_or_higher(client_of, dora, erin, lin, role):
    client = client_of(dora)
    for answer in (
        client.post(NEW, NEWCOMER | {"role": role}),
        client.post(NEW, {"member": lin.pk, "role": role}),
        client.post(url(erin, "edit"), {"role": role}),
    ):
        assert answer.status_code == 422
        assert "role" in answer.context["form"].errors
    assert set(Role.objects.filter(name=role).values_list("user__login", flat=True)) <= {"alice", "charlie", "dora"}
    by = Actor(user=dora, name="Dora")
    with pytest.raises(PermissionDenied):
        appoint_user(dora.roles.get().enterprise, user=lin.user, name=role, by=by)
    with pytest.raises(PermissionDenied):
        change_role(erin.roles.get(), name=role, by=by)


def test_the_last_owner_stays_what_they_are(owner, alice, tenant, dora):
    page = owner.get(url(alice, "remove")).content.decode()
    assert "only owner" in page
    assert "button--danger" not in page
    answer = owner.post(url(alice, "remove"))
    assert answer.status_code == 422
    assert "only owner" in answer.content.decode()
    answer = owner.post(url(alice, "edit"), {"role": "admin"})
    assert answer.status_code == 422
    assert "only owner" in answer.content.decode()
    inactive = build_user("olga", tenant, "owner")
    User.objects.filter(pk=inactive.pk).update(is_active=False)
    assert owner.post(url(alice, "remove")).status_code == 422
    assert role_names(alice) == ["owner"]


def test_an_owner_may_go_while_another_stays(alice, tenant, signed_in):
    build_user("olga", tenant, "owner")
    browser = signed_in(alice)
    answer = browser.post(url(alice, "remove"))
    assert (answer.status_code, answer["Location"]) == (303, "/")
    assert role_names(alice) == []
    assert browser.get(LIST).status_code == 302


def test_an_owner_may_step_down_and_is_signed_out(alice, tenant, signed_in):
    build_user("olga", tenant, "owner")
    browser = signed_in(alice)
    assert browser.post(url(alice, "edit"), {"role": "admin"}).status_code == 303
    assert role_names(alice) == ["admin"]
    assert AuditEvent.objects.get(action="administrator_changed").role == "owner"
    assert browser.get(LIST).status_code == 302


def test_an_administrator_may_lay_down_their_own_role(dora, alice, signed_in):
    assert signed_in(dora).post(url(dora, "remove")).status_code == 303
    assert role_names(dora) == []


def test_a_right_that_went_meanwhile_counts_no_more(alice, dora, erin, tenant):
    """The view allowed it, but the permission is lost before the action, which checks again."""
    by = Actor(user=dora, name="Dora")
    Role.objects.filter(user=dora).delete()
    with pytest.raises(PermissionDenied):
        remove_administrator(erin.roles.get(), by=by)


@translation.override("en")
def test_a_role_that_is_gone_already_says_so(alice, erin):
    role = erin.roles.get()
    remove_administrator(role, by=command_actor())
    role.pk = role.pk or 1
    with pytest.raises(ValidationError, match="removed"):
        remove_administrator(role, by=Actor(user=alice, name="Alice"))


def test_each_button_of_a_refused_role_is_described_by_the_error(owner):
    page = owner.post(NEW, NEWCOMER | {"role": "emperor"})
    assert page.status_code == 422
    buttons = re.findall(r'<input type="radio"[^>]*>', page.text)
    assert buttons
    assert all('aria-describedby="id_role_error"' in button for button in buttons)
    assert 'class="field__error" id="id_role_error"' in page.text
    assert "aria-describedby" not in re.findall(r'<input type="radio"[^>]*>', owner.get(NEW).text)[0]
