"""The invitation's pages, as a phone, a preview bot and an intruder see them."""

from __future__ import annotations

import hashlib
import secrets
import threading
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from accounts.audit.recording import Actor
from accounts.models import AuditEvent, User
from conftest import audit_events, build_member, build_tenant
from directory.joining.invitations import invite_member
from directory.models import Invitation, Member
from directory.tests.phone import code_to, link_to
from sms.models import Message, PhoneCode

BOTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1)",
    "facebookexternalhit/1.1",
    "WhatsApp/2.23",
    "TelegramBot (like TwitterBot)",
    "Mozilla/5.0 MicroMessenger/8.0",
    "Barracuda Sentinel (EE)",
    "curl/8.5",
]
PHONE = "+8613800138002"


def by(user) -> Actor:
    return Actor(user=user, name=str(user))


@pytest.fixture
def link(wang, alice) -> str:
    invite_member(wang, by=by(alice))
    return link_to(wang.phone)


@pytest.fixture
def phone(client) -> Client:
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def everything() -> str:
    """A digest of every row of every table."""
    digest = hashlib.sha256()
    for model in apps.get_models():
        if model._meta.managed:
            for row in model._default_manager.order_by("pk").values_list():
                digest.update(repr(row).encode())
    return digest.hexdigest()


def invitation_of(member) -> Invitation:
    return member.invitations.latest("number")


def shift(invitation, **columns):
    Invitation.objects.filter(pk=invitation.pk).update(**columns)


def test_the_whole_way_from_the_link_to_the_mailbox(phone, link, wang):
    page = phone.get(link, follow=True)
    assert page.redirect_chain == [("/i/", 303)]
    assert "示例科技" in page.text
    assert "138****8002" in page.text
    assert PHONE not in page.text

    sent = phone.post("/i/send/")
    assert (sent.status_code, sent["Location"]) == (303, "/i/")
    page = phone.get("/i/")
    assert page.text.index('action="/i/join/"') < page.text.index('action="/i/send/"')

    joined = phone.post("/i/join/", {"code": code_to(PHONE)})
    assert (joined.status_code, joined["Location"]) == (303, "/mailbox/")
    mailbox = phone.get("/mailbox/")
    assert mailbox.status_code == 200
    assert "wangfang@example.com" in mailbox.text

    wang.refresh_from_db()
    assert (wang.status, str(wang.user.phone)) == ("active", PHONE)
    assert phone.session["method"] == "invitation"
    assert phone.session["enterprise"] == wang.enterprise_id


def test_before_a_code_is_sent_the_first_form_sends_it(phone, link):
    text = phone.get(link, follow=True).text
    main = text[text.index("<main") :]
    assert 'action="/i/send/"' in main[: main.index("</form>")]


def test_opening_a_link_changes_nothing_however_often_and_by_whom(link):
    before = everything()
    for agent in BOTS * 3:
        bot = Client(headers={"user-agent": agent})
        assert bot.get(link).status_code == 303
        assert bot.head(link).status_code == 303
        assert bot.options(link).status_code == 405
    for bot in (Client(headers={"user-agent": agent, "purpose": "prefetch"}) for agent in BOTS):
        assert bot.get(link, follow=True).status_code == 200
        assert bot.head("/i/").status_code == 200
        assert bot.options("/i/").status_code == 405
    assert everything() == before


def test_opening_a_dead_link_changes_nothing_either(link, wang):
    shift(invitation_of(wang), expires_at=timezone.now())
    before = everything()
    for agent in BOTS:
        bot = Client(headers={"user-agent": agent})
        assert bot.get(link).status_code == bot.head(link).status_code == bot.get("/i/").status_code == 410
    assert everything() == before


def test_the_token_leaves_the_address_bar_at_once_and_no_trace(phone, link):
    answer = phone.get(link)
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    assert "noindex" in answer["X-Robots-Tag"]
    cookie = answer.cookies["invitation"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    token = link.split("/")[2]
    assert token not in cookie.value
    page = phone.get("/i/")
    assert token not in page.text
    assert page["Referrer-Policy"] == "same-origin"
    assert "no-store" in page["Cache-Control"]


def test_on_https_the_cookie_bears_the_host_prefix(phone, link, settings):
    settings.IS_HTTPS = True
    cookie = phone.get(link).cookies["__Host-invitation"]
    assert cookie["secure"]
    assert cookie["path"] == "/"
    assert not cookie["domain"]


@pytest.mark.parametrize("token", ["x", "a" * 22, "a" * 4000, "%00", "%F0%9F%98%80", "..%2F", "-" * 22])
def test_a_link_never_issued_is_not_found(phone, link, token):
    assert phone.get(f"/i/{token}/").status_code == 404


def test_random_tokens_open_nothing(link, django_assert_num_queries):
    client = Client()
    with django_assert_num_queries(50):
        for _ in range(50):
            assert client.get(f"/i/{secrets.token_urlsafe(16)}/").status_code == 404


def test_without_the_link_the_page_asks_to_open_it_again(phone, link):
    for answer in (phone.post("/i/send/"), phone.post("/i/join/", {"code": "123456"})):
        assert answer.status_code == 404
        assert "Open the link in your SMS again" in answer.text
    phone.cookies["invitation"] = "1:forged:signature"
    assert phone.post("/i/send/").status_code == 404
    assert 'name="account"' in phone.get("/i/").content.decode()
    assert not PhoneCode.objects.exists()


@pytest.mark.parametrize(
    ("left", "status"), [(timedelta(seconds=1), 303), (timedelta(0), 410), (timedelta(seconds=-1), 410)]
)
def test_a_link_expires_to_the_second(phone, link, wang, time_machine, left, status):
    now = timezone.now()
    time_machine.move_to(now, tick=False)
    shift(invitation_of(wang), expires_at=now + left)
    assert phone.get(link).status_code == status


def test_an_expired_link_sends_a_fresh_one_to_the_number_on_record(phone, link, wang):
    an_hour_ago = timezone.now() - timedelta(hours=1)
    shift(invitation_of(wang), expires_at=an_hour_ago, created_at=an_hour_ago)

    page = phone.get(link)
    assert page.status_code == 410
    assert 'data-state="expired"' in page.text
    assert 'action="/i/renew/"' in page.text

    renewed = phone.post("/i/renew/", {"phone": "+8613900139000"})
    assert (renewed.status_code, renewed["Location"]) == (303, "/i/")
    assert {message.to for message in Message.objects.all()} == {PHONE}
    fresh = link_to(PHONE)
    assert fresh != link
    assert phone.get(fresh).status_code == 303
    assert AuditEvent.objects.filter(action="invitation_sent", via="member").exists()


def test_an_older_link_says_that_a_newer_one_was_sent(phone, link, wang, alice):
    shift(invitation_of(wang), created_at=timezone.now() - timedelta(minutes=2))
    invite_member(wang, by=by(alice))
    page = phone.get(link)
    assert page.status_code == 410
    assert 'data-state="superseded"' in page.text
    assert "newer" in page.text
    assert link.split("/")[2] not in page.text
    # The dead page has a form, so it must not send "Origin: null"; nor may the token go out with its style sheet.
    assert page["Referrer-Policy"] == "strict-origin"


def test_fresh_links_come_a_minute_apart_and_two_a_day(phone, link, wang):
    shift(invitation_of(wang), expires_at=timezone.now())
    phone.get(link)
    hasty = phone.post("/i/renew/")
    assert hasty.status_code == 429
    assert 0 < int(hasty["Retry-After"]) <= 60
    assert Message.objects.count() == 1
    for _ in range(2):
        Invitation.objects.update(created_at=timezone.now() - timedelta(hours=1))
        assert phone.post("/i/renew/").status_code == 303
    Invitation.objects.update(created_at=timezone.now() - timedelta(hours=1))
    spent = phone.post("/i/renew/")
    assert spent.status_code == 429
    assert 22 * 3600 < int(spent["Retry-After"]) <= 23 * 3600
    assert "Try again in 23 hours." in spent.text
    assert Message.objects.count() == 3


def test_a_used_link_offers_sign_in_or_the_mailbox(phone, link, wang):
    phone.get(link)
    phone.post("/i/send/")
    phone.post("/i/join/", {"code": code_to(PHONE)})

    again = phone.get(link)
    assert again.status_code == 410
    assert 'data-state="used"' in again.text
    assert "Go to my mailbox" in again.text

    elsewhere = Client(headers={"accept-language": "en"}).get(link)
    assert elsewhere.status_code == 410
    assert 'href="/login/"' in elsewhere.text
    assert "renew" not in elsewhere.text


def test_a_disabled_member_is_told_whom_to_ask(phone, link, wang):
    Member.objects.filter(pk=wang.pk).update(status="disabled")
    page = phone.get(link)
    assert page.status_code == 410
    assert 'data-state="closed"' in page.text
    assert "Alice" in page.text
    assert phone.post("/i/renew/").status_code == 303
    assert phone.post("/i/send/").status_code == 410
    assert Message.objects.count() == 1


def test_no_field_changes_the_number_the_code_goes_to(phone, link):
    """J6."""
    phone.get(link)
    page = phone.get("/i/").text
    assert 'name="phone"' not in page
    phone.post("/i/send/", {"phone": "+8613900139000", "to": "+8613900139000", "member": "1"})
    assert PhoneCode.objects.get().phone == PHONE
    phone.post("/i/join/", {"code": code_to(PHONE), "phone": "+8613900139000"})
    assert str(User.objects.get(members__isnull=False).phone) == PHONE


def test_another_code_within_a_minute_is_refused_and_none_is_sent(phone, link):
    phone.get(link)
    phone.post("/i/send/")
    again = phone.post("/i/send/")
    assert again.status_code == 429
    assert 0 < int(again["Retry-After"]) <= 60
    assert Message.objects.filter(kind="code").count() == 1
    assert 'action="/i/join/"' in again.text


def test_a_wrong_code_shows_beside_its_field(phone, link, wang):
    phone.get(link)
    phone.post("/i/send/")
    wrong = "000000" if code_to(PHONE) != "000000" else "111111"
    for text in (wrong, "", "12345", "abcdef", "\x00", "😀" * 6, "1" * 10_000, "<script>"):
        answer = phone.post("/i/join/", {"code": text})
        assert answer.status_code == 422, text[:20]
        assert 'aria-invalid="true"' in answer.text
        assert 'name="next" value="/i/"' in answer.text
    wang.refresh_from_db()
    assert wang.status == "pending"


def test_too_many_tries_end_the_code(phone, link):
    phone.get(link)
    phone.post("/i/send/")
    right = code_to(PHONE)
    wrong = "000000" if right != "000000" else "111111"
    for _ in range(5):
        assert phone.post("/i/join/", {"code": wrong}).status_code == 422
    spent = phone.post("/i/join/", {"code": right})
    assert spent.status_code == 429
    assert int(spent["Retry-After"]) > 0


@pytest.mark.parametrize("token", ["A" * 22, "A", "A" * 300, "%E2%80%A6", "x.y"])
def test_an_unknown_link_explains_how_to_get_a_new_one(client, db, token):
    answer = client.get(f"/i/{token}/", headers={"accept-language": "en"})
    assert answer.status_code == 404
    assert "This invitation isn't recognized" in answer.text
    assert "ask your administrator to send you a new invitation" in answer.text
    assert 'href="/i/code/"' in answer.text
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "text",
    [
        " {} ",
        "G-{}",
        "full-width",
        "验证码：{}，5 分钟内有效",
    ],
)
def test_a_code_is_understood_as_people_type_it(phone, link, text):
    phone.get(link)
    phone.post("/i/send/")
    code = code_to(PHONE)
    typed = "".join(chr(ord(digit) + 0xFEE0) for digit in code) if text == "full-width" else text.format(code)
    assert phone.post("/i/join/", {"code": typed}).status_code == 303


def test_a_code_counts_only_in_the_browser_that_asked_for_it(phone, link):
    phone.get(link)
    phone.post("/i/send/")
    other = Client()
    other.get(link)
    assert other.post("/i/join/", {"code": code_to(PHONE)}).status_code == 422


@pytest.mark.parametrize("change", [{"status": "disabled"}, {"phone": "+8613800138009"}])
def test_what_an_administrator_changed_meanwhile_is_answered_kindly(phone, link, wang, change):
    phone.get(link)
    phone.post("/i/send/")
    code = code_to(PHONE)
    Member.objects.filter(pk=wang.pk).update(**change)
    answer = phone.post("/i/join/", {"code": code})
    assert answer.status_code == 410
    assert not User.objects.filter(phone__isnull=False).exists()


def test_a_number_that_was_changed_is_not_shown_to_the_holder_of_the_old_one(phone, link, wang):
    Member.objects.filter(pk=wang.pk).update(phone="+8613911119999")
    page = phone.get(link)
    assert page.status_code == 410
    assert "9999" not in page.text


def test_a_person_shut_out_of_the_deployment_is_told_whom_to_ask(phone, link):
    User.objects.create(phone=PHONE, is_active=False)
    phone.get(link)
    phone.post("/i/send/")
    answer = phone.post("/i/join/", {"code": code_to(PHONE)})
    assert answer.status_code == 410
    assert 'data-state="closed"' in answer.text


def test_joining_is_recorded_once_and_the_sign_in_once(phone, link, other_tenant):
    user = User.objects.create_user(phone=PHONE)
    build_member(other_tenant, "王芳", "wang", PHONE, status="active", user=user)
    phone.get(link)
    phone.post("/i/send/")
    phone.post("/i/join/", {"code": code_to(PHONE)})
    actions = list(audit_events().order_by("pk").values_list("action", flat=True))
    assert actions == ["invitation_sent", "member_joined", "signed_in"]
    assert phone.get("/mailbox/").status_code == 200


@pytest.mark.parametrize("path", ["/i/send/", "/i/join/", "/i/renew/"])
def test_actions_are_posts_with_a_csrf_token(link, path):
    assert Client().get(path).status_code == 302
    strict = Client(enforce_csrf_checks=True)
    strict.get(link, follow=True)
    assert strict.post(path).status_code == 403


def test_the_page_speaks_of_one_enterprise_only(phone, link, other_tenant):
    build_member(other_tenant, "别家王芳", "wang", PHONE)
    assert "别家" not in phone.get(link, follow=True).text


def test_joining_by_a_link_ends_another_persons_session(client_of, lin, link, wang):
    shared = client_of(lin.user, method="code", enterprise=lin.enterprise)
    shared.get(link)
    shared.post("/i/send/")
    shared.post("/i/join/", {"code": code_to(PHONE)})
    wang.refresh_from_db()
    assert shared.session["_auth_user_id"] == str(wang.user_id)
    event = AuditEvent.objects.get(action="member_joined")
    assert event.actor_user_id is None


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_fifty_right_answers_at_once_one_joins():
    """J5: two phones, or fifty, complete one personal link; one joins."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets one writer in at a time")
    tenant = build_tenant("示例科技", "example.com")
    wang = build_member(tenant, "王芳", "wangfang", PHONE)
    invite_member(wang, by=Actor(user=None, name="Alice"))
    phone = Client()
    phone.get(link_to(PHONE))
    phone.post("/i/send/")
    code, start, statuses = code_to(PHONE), threading.Barrier(50), []

    def join():
        client = Client()
        client.cookies = phone.cookies.copy()
        start.wait()
        try:
            statuses.append(client.post("/i/join/", {"code": code}).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=join) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses.count(303) == 1
    assert set(statuses) <= {303, 410, 422, 429}
    assert User.objects.count() == 1
    assert AuditEvent.objects.filter(action="member_joined").count() == 1
