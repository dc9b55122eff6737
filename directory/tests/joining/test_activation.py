"""Joining at `/i/` by account and activation code."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.audit.recording import command_actor
from accounts.models import AttemptCounter, AuditEvent, Role, User
from conftest import PASSWORD as ALICE_PASSWORD
from conftest import build_member, build_user
from directory.joining.activation import activate_member
from directory.joining.activation_codes import find_code, issue_code
from directory.members.actions import disable_member, edit_member, enable_member
from directory.models import ActivationCode, Member

URL, PASSWORD_URL = "/i/code/", "/i/password/"
PASSWORD = "纸船-river-42"
SHOP = command_actor()


@pytest.fixture
def zhou(tenant):
    """A pending member without a phone, to be activated by code."""
    return build_member(tenant, "周工", "Zhou.gong".lower(), None, activation="code", department=tenant.east)


@pytest.fixture
def code(zhou):
    return issue_code(zhou, by=SHOP)


@pytest.fixture
def browser(db):
    return Client(headers={"accept-language": "en"})


def enter(browser, code, account="zhou.gong", **extra):
    return browser.post(URL, {"account": account, "code": code}, **extra)


def choose(browser, password=PASSWORD, confirm=None):
    return browser.post(PASSWORD_URL, {"password": password, "confirm": password if confirm is None else confirm})


def sign_in(login, password=PASSWORD):
    browser = Client(headers={"accept-language": "en"})
    return browser, browser.post("/login/password/", {"login": login, "password": password, "next": ""})


def test_the_page_without_a_link_asks_for_account_and_code(browser):
    page = browser.get("/i/")
    html = page.content.decode()
    assert page.status_code == 200
    assert 'name="account"' in html
    assert 'name="code"' in html
    assert f'action="{URL}"' in html
    assert page["Cache-Control"] == "no-store"


def test_the_right_pair_and_a_password_join_the_member_and_open_the_mailbox(browser, zhou, code):
    answer = enter(browser, code)
    assert (answer.status_code, answer["Location"]) == (303, PASSWORD_URL)
    page = browser.get(PASSWORD_URL).content.decode()
    assert "zhou.gong@example.com" in page
    assert code not in page
    zhou.refresh_from_db()
    assert zhou.status == "pending"
    answer = choose(browser)
    assert (answer.status_code, answer["Location"]) == (303, "/mailbox/")
    mailbox = browser.get("/mailbox/")
    assert mailbox.status_code == 200
    assert "zhou.gong@example.com" in mailbox.content.decode()
    assert "None" not in mailbox.content.decode()
    zhou.refresh_from_db()
    assert (zhou.status, zhou.user.login, zhou.user.phone) == ("active", "zhou.gong@example.com", None)
    assert zhou.joined_at
    assert AuditEvent.objects.filter(action="member_joined").count() == 1


def test_afterwards_the_member_signs_in_by_password_without_console_access(browser, zhou, code):
    enter(browser, code)
    choose(browser)
    assert browser.get("/console/").status_code in {302, 403}
    desk, answer = sign_in("Zhou.Gong@Example.com")
    assert answer.status_code in {302, 303}
    assert desk.get("/", follow=True).redirect_chain[-1][0] == "/mailbox/"
    assert desk.get("/console/").status_code == 403


def test_a_code_entered_by_one_user_is_not_available_to_the_next(browser, zhou, code, alice):
    enter(browser, code)
    assert "activation" in browser.session
    browser.post("/login/password/", {"login": "alice", "password": ALICE_PASSWORD, "next": ""})
    assert browser.session["_auth_user_id"] == str(alice.pk)
    assert "activation" not in browser.session


@pytest.mark.parametrize("account", ["ZHOU.GONG", " zhou.gong ", "zhou.gong@example.com", "Zhou.Gong@EXAMPLE.com"])
def test_the_account_is_compared_without_case_and_the_address_will_do(browser, code, account):
    assert enter(browser, code, account).status_code == 303


@pytest.mark.parametrize("write", [str.lower, lambda code: code.replace("-", ""), lambda code: f" {code} ",
                                   lambda code: code.replace("-", " — "),
                                   lambda code: "".join(chr(ord(sign) + 0xFEE0) for sign in code)])  # fmt: skip
def test_the_code_is_read_as_people_write_it(browser, code, write):
    assert enter(browser, write(code)).status_code == 303


def test_every_wrong_pair_gets_the_same_answer(tenant, other_tenant, zhou, code):
    other = build_member(tenant, "李四", "lisi", None, activation="code")
    others_code = issue_code(other, by=SHOP)
    build_member(other_tenant, "周工", "zhou.gong", None, activation="code")
    dead = issue_code(zhou, by=SHOP)
    valid = issue_code(zhou, by=SHOP)
    ActivationCode.objects.filter(member=other).update(expires_at=timezone.now())
    pairs = [
        ("zhou.gong", code),  # superseded
        ("zhou.gong", dead),
        ("zhou.gong", "AAAA-AAAA-AAAA"),
        ("zhou.gong", others_code),
        ("lisi", valid),
        ("lisi", others_code),  # expired
        ("nobody", valid),
        ("zhou.gong@other.example", valid),
        ("zhou.gong", "--"),
    ]
    pages = set()
    for account, text in pairs:
        answer = enter(Client(headers={"accept-language": "en"}), text, account)
        assert answer.status_code == 422
        html = answer.content.decode()
        assert 'aria-invalid="true"' in html
        pages.add(html.split('class="field__error"')[1].split("</div>")[0])
    assert len(pages) == 1
    assert not User.objects.filter(roles=None).exists()


@pytest.mark.parametrize(("account", "text"), [("", "AAAA"), ("a", ""), ("a" * 319, "AAAA"), ("a", "A" * 65)])
def test_an_invalid_pair_is_an_error_and_not_counted(browser, account, text):
    assert enter(browser, text, account).status_code == 422
    assert not AttemptCounter.objects.exists()


def test_a_code_is_good_until_its_last_second(browser, zhou, code):
    ActivationCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert enter(browser, code).status_code == 422
    ActivationCode.objects.update(expires_at=timezone.now() + timedelta(seconds=60))
    assert enter(browser, code).status_code == 303


def test_a_code_is_used_up_by_joining(browser, zhou, code):
    enter(browser, code)
    choose(browser)
    assert enter(Client(), code).status_code == 422


def test_of_two_browsers_with_the_same_code_the_first_to_choose_a_password_joins(zhou, code):
    first, second = Client(headers={"accept-language": "en"}), Client(headers={"accept-language": "en"})
    enter(first, code)
    enter(second, code)
    assert choose(first).status_code == 303
    answer = choose(second, "another-password-9")
    assert (answer.status_code, answer["Location"]) == (302, URL)
    assert sign_in("zhou.gong@example.com")[1].status_code in {302, 303}


@pytest.mark.parametrize("action", ["disable", "edit", "issue", "delete"])
def test_what_changed_after_the_code_was_entered_counts(browser, tenant, zhou, code, action):
    enter(browser, code)
    if action == "disable":
        disable_member(zhou, by=SHOP)
    elif action == "edit":
        edit_member(zhou, by=SHOP, name="周工", prefix="zhou.gong", domain=tenant.domain, phone="13900000001")
    elif action == "issue":
        issue_code(zhou, by=SHOP)
    else:
        Member.objects.filter(pk=zhou.pk).update(deleted_at=timezone.now())
    assert choose(browser).status_code == 302
    assert not User.objects.filter(roles=None).exists()


def test_the_proof_lasts_a_quarter_of_an_hour(browser, zhou, code):
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False) as clock:
        enter(browser, code)
        clock.shift(899)
        assert browser.get(PASSWORD_URL).status_code == 200
        clock.shift(1)
        assert browser.get(PASSWORD_URL).status_code == 302


@pytest.mark.parametrize(
    ("password", "confirm", "field"),
    [
        ("short", "short", "password"),
        ("password123", "password123", "password"),
        ("zhou.gong@example.com", "zhou.gong@example.com", "password"),
        (PASSWORD, "something else", "confirm"),
        (PASSWORD, "", "confirm"),
    ],
)
def test_a_weak_or_mistyped_password_is_refused_beside_its_field(browser, zhou, code, password, confirm, field):
    enter(browser, code)
    answer = choose(browser, password, confirm)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not User.objects.filter(roles=None).exists()


def test_a_short_password_is_refused_in_the_readers_language(zhou, code):
    browser = Client(headers={"accept-language": "zh-CN"})
    enter(browser, code)
    for text, words in (("short", "密码太短"), ("zhou.gong@example.com", "相似"), ("password123", "常见")):
        assert words in choose(browser, text).content.decode().split("field__error")[1].split("</div>")[0]


def test_eleven_wrong_codes_block_this_browser_only(browser, code, settings):
    for _guess in range(settings.ACTIVATION_FAILURES_PER_BROWSER):
        assert enter(browser, "AAAA-AAAA-AAAA").status_code == 422
    answer = enter(browser, code)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= settings.ACCOUNTS_PASSWORD_WAIT_SECONDS
    assert enter(Client(), code).status_code == 303
    AttemptCounter.objects.update(wait_until=timezone.now())
    assert enter(browser, code).status_code == 303


def test_fresh_browsers_at_one_address_wait_in_the_end_and_other_addresses_do_not(code, settings):
    settings.ACTIVATION_FAILURES_PER_ADDRESS = 3
    for _guess in range(3):
        assert enter(Client(), "AAAA-AAAA-AAAA").status_code == 422
    assert enter(Client(), code).status_code == 429
    assert enter(Client(), code, REMOTE_ADDR="203.0.113.9").status_code == 303


def test_an_attempt_refused_for_its_address_does_not_count_against_the_browser(browser, code, settings):
    settings.ACTIVATION_FAILURES_PER_ADDRESS, settings.ACTIVATION_FAILURES_PER_BROWSER = 3, 2
    for _attempt in range(3):
        assert enter(Client(), "AAAA-AAAA-AAAA").status_code == 422
    rows = list(AttemptCounter.objects.order_by("key").values())
    for _attempt in range(2):
        assert enter(browser, code).status_code == 429
    assert list(AttemptCounter.objects.order_by("key").values()) == rows
    assert enter(browser, code, REMOTE_ADDR="203.0.113.9").status_code == 303


def test_right_codes_do_not_count(tenant, settings):
    settings.ACTIVATION_FAILURES_PER_ADDRESS = 3
    for number in range(5):
        member = build_member(tenant, f"工{number}", f"g{number}", None, activation="code")
        assert enter(Client(), issue_code(member, by=SHOP), f"g{number}").status_code == 303


def test_the_code_is_stored_nowhere_in_clear(browser, zhou, code, caplog):
    enter(browser, code)
    choose(browser)
    plain = code.replace("-", "")
    kept = str(list(ActivationCode.objects.values())) + str(list(AuditEvent.objects.values()))
    kept += str(dict(browser.session)) + caplog.text
    assert code not in kept
    assert plain not in kept


def test_a_new_code_resets_a_lost_password_and_ends_other_sessions(browser, zhou, code):
    enter(browser, code)
    choose(browser)
    fresh, user = issue_code(zhou, by=SHOP), Member.objects.get(pk=zhou.pk).user
    assert browser.get("/mailbox/").status_code == 200
    desk = Client()
    enter(desk, fresh)
    assert choose(desk, "another-password-9")["Location"] == "/mailbox/"
    assert browser.get("/mailbox/").status_code == 302
    assert desk.get("/mailbox/").status_code == 200
    zhou.refresh_from_db()
    assert zhou.user == user
    assert sign_in("zhou.gong@example.com")[1].status_code == 422
    assert sign_in("zhou.gong@example.com", "another-password-9")[1].status_code in {302, 303}


def test_an_address_that_is_somebodys_login_is_never_taken_over(browser, tenant, zhou, code):
    boss = build_user("zhou.gong@example.com", tenant, "owner")
    enter(browser, code)
    answer = choose(browser)
    assert answer.status_code == 410
    boss.refresh_from_db()
    assert boss.has_usable_password()
    assert not boss.check_password(PASSWORD)
    zhou.refresh_from_db()
    assert (zhou.status, zhou.user) == ("pending", None)


def test_a_phone_on_record_stays_unproven(browser, tenant):
    member = build_member(tenant, "吴姐", "wu", "+8613900000007", activation="code")
    enter(browser, issue_code(member, by=SHOP), "wu")
    choose(browser)
    member.refresh_from_db()
    assert (member.status, member.user.phone) == ("active", None)
    assert browser.get("/mailbox/").status_code == 200


class TestAJoinedMember:
    """A member who joined by code, and is then edited, disabled or enabled."""

    @pytest.fixture
    def joined(self, zhou, code):
        activate_member(find_code(code).pk, password=PASSWORD, by=SHOP)
        zhou.refresh_from_db()
        return zhou

    @pytest.fixture
    def desk(self, joined):
        return sign_in("zhou.gong@example.com")[0]

    def member_data(self, tenant, **others):
        facts = {"name": "周工", "prefix": "zhou.gong", "domain": tenant.domain, "activation": "code"}
        return facts | {"account": "zhou.gong", "by": SHOP} | others

    def test_changing_the_activation_unlinks_the_user(self, tenant, joined, desk):
        assert desk.get("/mailbox/").status_code == 200
        edit_member(joined, **self.member_data(tenant, activation="phone", phone="13900000001"))
        joined.refresh_from_db()
        assert (joined.status, joined.user) == ("pending", None)
        assert desk.get("/mailbox/").status_code == 302
        assert not User.objects.filter(login="zhou.gong@example.com").exists()

    def test_adding_a_phone_does_not_change_the_activation(self, tenant, joined, desk):
        edit_member(joined, **self.member_data(tenant, phone="13900000001"))
        joined.refresh_from_db()
        assert (joined.status, joined.user.phone) == ("active", None)
        assert desk.get("/mailbox/").status_code == 200

    def test_another_address_is_the_login_from_then_on(self, tenant, joined):
        edit_member(joined, **self.member_data(tenant, prefix="zhou"))
        assert sign_in("zhou.gong@example.com")[1].status_code == 422
        desk, _answer = sign_in("zhou@example.com")
        assert desk.get("/mailbox/").status_code == 200

    def test_disabled_they_are_out_and_enabled_in_again(self, joined, desk):
        disable_member(joined, by=SHOP)
        assert desk.get("/mailbox/").status_code == 302
        enable_member(joined, by=SHOP)
        joined.refresh_from_db()
        assert joined.status == "active"
        assert sign_in("zhou.gong@example.com")[0].get("/mailbox/").status_code == 200

    def test_administrators_get_no_activation_code(self, tenant, joined, client_of, alice):
        Role.objects.create(user=joined.user, enterprise=tenant.enterprise, name="admin")
        assert client_of(alice).post(f"/console/members/{joined.pk}/code/").status_code == 303
        assert not ActivationCode.objects.filter(used_at=None).exists()
