"""Signing in by QR code; the numbers Q… are those of security.md 2.3, the races stand in test_qr_races.py."""

import io
import re
from itertools import permutations

import pytest
import time_machine
import zxingcpp
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from PIL import Image

from accounts.models import AuditEvent, QrSignIn, Role, ScannedSession, User
from accounts.qr_sign_in.desktop import address_of, masked_name
from accounts.tests.qr_sign_in.people import (
    ELSEWHERE,
    IPHONE,
    OFFICE,
    OFFICE_TOO,
    WINDOWS,
    age,
    approve,
    approved,
    at,
    claim,
    desk_at,
    is_in,
    path,
    poll,
    scan,
    show_code,
    state_of,
)
from conftest import audit_events
from core.encryption import decrypt
from core.qr_images import draw_png
from sms.models import Message

pytestmark = pytest.mark.django_db


def masked(answer):
    """The page without what differs in every answer: its tokens and the path that was asked for."""
    page = re.sub(rb'name="csrfmiddlewaretoken" value="\w+"', b"", answer.content)
    return re.sub(rb"/q/[\w-]{22}/", b"/q/x/", page)


# --- the plain way


def test_a_scan_signs_the_desktop_in(desk, phone, lin, enterprise):
    code = show_code(desk)
    assert poll(desk, code) == {"state": "new", "seconds": poll(desk, code)["seconds"]}
    assert b'data-state="new"' in phone.get(path(code)).content
    assert scan(phone, code) == 303
    page = phone.get(path(code)).content.decode()
    assert 'data-state="scanned"' in page
    for fact in (enterprise.name, "林晓", "138****8001", "Chrome on Windows", OFFICE, "Don't allow"):
        assert fact in page
    assert approve(phone, code) == 303
    assert b'data-state="approved"' in phone.get(path(code)).content
    assert poll(desk, code)["state"] == "approved"
    answer = desk.post(path(code, "claim/"), {"next": "/mailbox/devices/"})
    assert (answer.status_code, answer.url) == (303, "/mailbox/devices/")
    assert is_in(desk)
    assert desk.session["enterprise"] == enterprise.pk
    assert desk.session["method"] == "qr"
    actions = list(audit_events().order_by("number").values_list("action", flat=True))
    assert actions == ["qr_scanned", "qr_approved", "signed_in"]
    signed_in = AuditEvent.objects.get(action="signed_in")
    assert (signed_in.ip, signed_in.personal["after"]) == (OFFICE, {"method": "qr"})


def test_the_sign_in_page_creates_no_code_by_itself(desk):
    for _ in range(3):
        assert desk.get("/login/").status_code == 200
    assert not QrSignIn.objects.exists()
    assert not Session.objects.exists()
    assert not desk.cookies.get("browser")


def test_without_script_the_desktop_has_pages(desk, phone):
    answer = desk.post("/q/", {"next": "/mailbox/"})
    code = QrSignIn.objects.get()
    assert (answer.status_code, answer.url) == (303, f"{path(code)}wait/?next=%2Fmailbox%2F")
    page = desk.get(answer.url)
    assert b"data:image/svg+xml" in page.content
    assert code.number.encode() in page.content
    early = desk.post(path(code, "claim/"), {"next": "/mailbox/"})
    assert early.status_code == 422
    assert b"hasn't been allowed on the phone yet" in early.content
    assert not is_in(desk)
    scan(phone, code)
    approve(phone, code)
    assert desk.post(path(code, "claim/"), {"next": "/mailbox/"}).url == "/mailbox/"
    assert desk.get(f"{path(code)}wait/").status_code == 302


def test_a_declined_desktop_shows_it(desk, phone):
    code = show_code(desk)
    scan(phone, code)
    assert phone.post(path(code, "decline/")).status_code == 303
    assert poll(desk, code)["state"] == "declined"
    assert claim(desk, code) == 422
    assert b'data-state="declined"' in phone.get(path(code)).content
    assert AuditEvent.objects.filter(action="qr_declined").count() == 1


def test_the_code_says_the_public_address_and_nothing_secret(desk, settings):
    code = show_code(desk)
    assert address_of(code) == f"{settings.PUBLIC_URL}/q/{code.token}/"
    assert len(code.token) == 22
    assert desk.cookies["browser"].value not in code.browser


# --- who may do what


def test_q1_the_picture_alone_allows_neither_polling_nor_claiming(desk, phone):
    code = approved(desk, phone)
    thief = desk_at(ELSEWHERE)
    for action in ("state/", "wait/"):
        answer, unknown = thief.get(path(code, action)), thief.get(f"/q/{'A' * 22}/{action}")
        assert (answer.status_code, masked(answer)) == (404, masked(unknown))
    assert claim(thief, code) == 404
    assert not is_in(thief)
    assert state_of(code) == "approved"


def test_q2_a_browser_with_a_code_of_its_own_can_t_use_another_s(desk, phone):
    code, other = approved(desk, phone), desk_at()
    show_code(other)
    assert other.get(path(code, "state/")).status_code == 404
    assert claim(other, code) == 404
    assert not is_in(other)
    assert claim(desk, code) == 303


def test_q3_a_code_is_claimed_once(desk, phone):
    code = approved(desk, phone)
    assert claim(desk, code) == 303
    assert claim(desk, code) == 422
    assert poll(desk, code)["state"] == "expired"
    assert ScannedSession.objects.count() == 1


def test_q4_the_first_scan_wins(desk, phone, wu_phone):
    code = show_code(desk)
    assert scan(phone, code) == 303
    assert scan(wu_phone, code) == 404
    assert b"was already used" in wu_phone.get(path(code)).content
    assert scan(phone, code) == 303  # again is no harm


def test_q5_only_the_scanning_user_may_answer(desk, phone, wu_phone):
    code = show_code(desk)
    scan(phone, code)
    assert approve(wu_phone, code) == 404
    assert wu_phone.post(path(code, "decline/")).status_code == 404
    assert state_of(code) == "scanned"


LEGAL = ("poll", "scan", "poll", "approve", "claim")


@pytest.mark.parametrize("order", sorted(set(permutations(LEGAL))), ids=" ".join)
def test_q6_only_the_right_order_signs_in(desk, phone, order):
    """In all 60 orders, approving before the scan or claiming before the approval achieves nothing."""
    code = show_code(desk)
    for step in order:
        match step:
            case "scan":
                scan(phone, code)
            case "approve":
                approve(phone, code)
            case "claim":
                claim(desk, code)
            case _:
                poll(desk, code)
    is_legal = order.index("scan") < order.index("approve") < order.index("claim")
    assert is_in(desk) == is_legal


@pytest.mark.parametrize(("seconds", "is_alive"), [(-1, True), (-0.001, True), (0, False), (1, False)])
@pytest.mark.parametrize(("stage", "life"), [("new", 120), ("scanned", 60), ("approved", 30)])
def test_q7_each_state_ends_on_the_second(client_of, lin, tenant, stage, life, seconds, is_alive):
    begin = timezone.now()
    with time_machine.travel(begin, tick=False) as clock:
        desk = desk_at()
        phone = at(client_of(lin.user, method="code", enterprise=tenant.enterprise), OFFICE_TOO)
        code = show_code(desk)
        if stage != "new":
            clock.shift(119)
            scan(phone, code)
        if stage == "approved":
            clock.shift(59)
            approve(phone, code)
        clock.shift(life + seconds)
        assert poll(desk, code)["state"] == (stage if is_alive else "expired")
        action = {"new": lambda: scan(phone, code), "scanned": lambda: approve(phone, code)}
        action.get(stage, lambda: claim(desk, code))()
        assert (state_of(code) != stage) == is_alive


def test_q8_what_was_declined_stays_declined(desk, phone):
    code = show_code(desk)
    scan(phone, code)
    phone.post(path(code, "decline/"))
    assert approve(phone, code) == 410
    assert scan(phone, code) == 303
    assert state_of(code) == "declined"
    assert claim(desk, code) == 422


def test_q8_an_approval_can_be_taken_back_before_it_is_used(desk, phone):
    code = approved(desk, phone)
    assert phone.post(path(code, "decline/")).status_code == 303
    assert claim(desk, code) == 422
    assert not is_in(desk)


PREVIEWS = [
    "MicroMessenger/8.0.60",
    "Slackbot-LinkExpanding 1.0",
    "facebookexternalhit/1.1 Facebot Twitterbot/1.0",  # iMessage calls itself so
    "Microsoft Office SafeLinks",
]


@pytest.mark.parametrize("user_agent", PREVIEWS)
@pytest.mark.parametrize("method", ["get", "head"])
def test_q9_looking_at_it_changes_nothing(desk, phone, user_agent, method):
    code = show_code(desk)
    before = QrSignIn.objects.values().get()
    for browser in (phone, Client()):
        for _ in range(5):
            getattr(browser, method)(path(code), headers={"user-agent": user_agent})
    assert QrSignIn.objects.values().get() == before
    assert not audit_events().exists()


@pytest.mark.parametrize("action", ["scan/", "approve/", "decline/", "claim/"])
def test_q10_a_form_from_elsewhere_or_in_a_frame_does_nothing(desk, phone, action):
    code = show_code(desk)
    scan(phone, code)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = desk.cookies if action == "claim/" else phone.cookies
    assert strict.post(path(code, action)).status_code == 403
    assert strict.post(path(code, action), headers={"origin": "https://evil.example"}).status_code == 403
    assert state_of(code) == "scanned"
    page = phone.get(path(code))
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert page["X-Frame-Options"] == "DENY"


def test_q11_a_phone_that_is_not_signed_in_signs_in_and_comes_back(desk, tenant, lin):
    code = show_code(desk)
    phone = at(Client(headers={"accept-language": "en"}), OFFICE_TOO)
    answer = phone.get(path(code))
    assert answer.status_code == 302
    page = phone.get(answer.url)
    assert b"You scanned a sign-in code" in page.content
    phone.post("/login/", {"phone": "13800138001", "next": path(code)})
    digits = decrypt(Message.objects.get().encrypted)["code"]
    answer = phone.post("/login/code/", {"code": digits, "next": path(code)})
    assert (answer.status_code, answer.url) == (303, path(code))
    assert b'data-state="new"' in phone.get(path(code)).content
    assert state_of(code) == "new"  # to sign in was no consent
    assert scan(phone, code) == 303
    assert approve(phone, code) == 303
    assert claim(desk, code) == 303


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"])
def test_q12_nobody_is_led_elsewhere(desk, phone, elsewhere):
    assert desk.post("/q/", {"next": elsewhere}).url.endswith("/wait/")
    code = QrSignIn.objects.get()
    scan(phone, code)
    approve(phone, code)
    assert desk.post(path(code, "claim/"), {"next": elsewhere}).url == "/"


def end_the_phone_s_session(phone, lin):
    phone.post("/logout/")


def disable_the_member(phone, lin):
    lin.status = "disabled"
    lin.save()


def deactivate_the_user(phone, lin):
    User.objects.filter(pk=lin.user_id).update(is_active=False)


def move_the_phone_to_another_number(phone, lin):
    lin.phone = "+8613800138055"
    lin.save()


def carry_the_phone_elsewhere(phone, lin):
    session = phone.session
    session["enterprise"] = 10**6
    session.save()


def change_the_password(phone, lin):
    user = User.objects.get(pk=lin.user_id)
    user.set_password("another long password")
    user.save()


def let_the_session_grow_old(phone, lin):
    Session.objects.filter(session_key=phone.session.session_key).update(expire_date=timezone.now())


@pytest.mark.parametrize(
    "withdraw",
    [
        end_the_phone_s_session,
        disable_the_member,
        deactivate_the_user,
        move_the_phone_to_another_number,
        carry_the_phone_elsewhere,
        change_the_password,
        let_the_session_grow_old,
    ],
)
def test_q13_an_approval_counts_only_while_its_giver_stands(desk, phone, lin, withdraw):
    code = approved(desk, phone)
    withdraw(phone, lin)
    answer = desk.post(path(code, "claim/"))
    assert answer.status_code == 422
    assert b"The computer was not signed in" in answer.content
    assert not is_in(desk)
    assert state_of(code) == "expired"
    assert not ScannedSession.objects.exists()


def test_q14_the_desktop_gets_a_new_key_and_the_old_one_is_dead(desk, phone):
    session = desk.session
    session["planted"] = "by someone else"
    session.save()
    old = session.session_key
    assert claim(desk, approved(desk, phone)) == 303
    assert desk.session.session_key != old
    assert not Session.objects.filter(session_key=old).exists()


def test_q15_the_phone_s_session_is_its_own_and_stays(desk, phone):
    before = phone.session.session_key
    claim(desk, approved(desk, phone))
    assert phone.session.session_key == before != desk.session.session_key
    assert is_in(phone)


# --- what is told


def test_q18_the_desktop_shows_the_scanning_user_before_sign_in(desk, phone):
    code = show_code(desk)
    scan(phone, code)
    status = poll(desk, code)
    assert status["name"] == "林*"
    assert "林晓" not in desk.get(path(code, "wait/")).content.decode()


@pytest.mark.parametrize(("name", "shown"), [("林晓", "林*"), ("Alice", "A***"), ("A", "A*"), ("", ""), ("𠮷", "𠮷*")])
def test_a_name_is_masked(name, shown):
    assert masked_name(User(name=name)) == shown


def test_q19_unknown_expired_and_another_s_codes_look_the_same(desk, phone, wu_phone):
    expired, another = show_code(desk), show_code(desk)
    age(expired, 120)
    scan(wu_phone, another)
    for action in ("", "scan/", "approve/", "decline/"):
        ask = phone.post if action else phone.get
        answers = [ask(f"/q/{token}/{action}") for token in ("A" * 22, expired.token, another.token)]
        assert {(answer.status_code, masked(answer)) for answer in answers} == {(404, masked(answers[0]))}
        assert b'data-state="expired"' in answers[0].content


def test_q19_the_scanning_user_sees_the_result(desk, phone):
    code = show_code(desk)
    scan(phone, code)
    age(code, 60)
    answer = phone.get(path(code))
    assert answer.status_code == 410
    assert b"The QR code has expired" in answer.content
    assert approve(phone, code) == 410


def test_q25_a_phone_that_wants_to_sign_in_is_offered_the_code_and_no_qr(desk):
    assert b"data-qr" in desk.get("/login/").content
    for headers in ({"user-agent": IPHONE}, {"sec-ch-ua-mobile": "?1"}):
        page = Client(headers={"accept-language": "en"}).get("/login/", headers=headers).content
        assert b"data-qr" not in page
        assert b'name="phone"' in page


def test_q26_a_session_that_came_by_scanning_does_not_reach_the_console(desk, phone, lin, enterprise):
    Role.objects.create(user=lin.user, enterprise=enterprise, name="owner")
    claim(desk, approved(desk, phone))
    answer = desk.get("/console/members/")
    assert answer.status_code == 302
    assert answer.url == "/mailbox/factors/new/?next=%2Fconsole%2Fmembers%2F"


def test_q28_no_two_codes_are_the_same(desk):
    code = show_code(desk)
    with pytest.raises(IntegrityError), transaction.atomic():
        QrSignIn.objects.create(
            token=code.token, browser="b", created_at=timezone.now(), expires_at=timezone.now(), ip=OFFICE
        )


@pytest.mark.parametrize("state", ["scanned", "approved", "claimed", "declined"])
def test_the_table_itself_knows_no_code_that_skipped_a_step(desk, state):
    show_code(desk)
    with pytest.raises(IntegrityError), transaction.atomic():
        QrSignIn.objects.update(state=state)


def test_nothing_of_a_code_stands_in_the_log(desk, phone):
    code = approved(desk, phone)
    claim(desk, code)
    for event in AuditEvent.objects.all():
        text = f"{event.personal} {event.target_id}"
        assert code.token not in text
        assert phone.session.session_key not in text


# --- the picture


@pytest.mark.parametrize("size", [120, 240, 416])
def test_q24_the_picture_decodes(desk, size):
    text = address_of(show_code(desk))
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(draw_png(text, size))))
    assert found.text == text


def test_user_agents_are_kept_short(phone):
    desk = Client(headers={"user-agent": WINDOWS + "x" * 5000}, REMOTE_ADDR=OFFICE)
    code = approved(desk, phone)
    assert claim(desk, code) == 303
    assert len(code.user_agent) == 200
    assert UserSession.objects.count() == 1
