"""The two digits that are typed where phone and desktop are in different networks (security.md Q16, Q17)."""

import re

import pytest
from django.utils import timezone

from accounts.models import AuditEvent, QrSignIn
from accounts.tests.qr_sign_in.people import (
    ELSEWHERE,
    OFFICE_TOO,
    approve,
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

pytestmark = pytest.mark.django_db


def test_q16_a_code_passed_on_to_another_network_takes_the_number(desk, phone):
    """The desktop is the attacker's, the phone the victim's, elsewhere."""
    code = show_code(desk)
    at(phone, ELSEWHERE)
    scan(phone, code)
    page = phone.get(path(code)).content
    assert b'name="number"' in page
    assert code.number.encode() not in re.findall(rb"<dd>.*?</dd>", page)
    answer = phone.post(path(code, "approve/"))
    assert answer.status_code == 422
    assert b'aria-invalid="true"' in answer.content
    assert state_of(code) == "scanned"
    assert AuditEvent.objects.filter(action="qr_mismatch").count() == 1
    assert claim(desk, code) == 422
    assert not is_in(desk)


@pytest.mark.parametrize("write", [str, lambda number: f" {number} ", lambda number: number.translate(FULL_WIDTH)])
def test_q16_the_number_of_the_desktop_lets_it_in(desk, phone, write):
    code = show_code(desk)
    at(phone, ELSEWHERE)
    scan(phone, code)
    assert poll(desk, code)["number"] == code.number
    assert approve(phone, code, number=write(code.number)) == 303
    assert claim(desk, code) == 303


FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


def wrong(code):
    return f"{(int(code.number) + 1) % 100:02}"


def test_q17_three_wrong_numbers_kill_the_code(desk, phone):
    code = show_code(desk)
    at(phone, ELSEWHERE)
    scan(phone, code)
    assert [approve(phone, code, number=wrong(code)) for _ in range(3)] == [422, 422, 410]
    assert poll(desk, code)["state"] == "expired"
    assert approve(phone, code, number=code.number) == 410
    assert b"wrong three times" in phone.get(path(code)).content
    assert claim(desk, code) == 422
    assert AuditEvent.objects.filter(action="qr_mismatch").count() == 3


def test_q17_the_third_try_may_be_right(desk, phone):
    code = show_code(desk)
    at(phone, ELSEWHERE)
    scan(phone, code)
    assert [approve(phone, code, number=wrong(code)) for _ in range(2)] == [422, 422]
    assert approve(phone, code, number=code.number) == 303


@pytest.mark.parametrize("number", ["", "x", "123", "-1", "٣٤", "1e1"])
def test_input_that_is_no_number_is_not_counted(desk, phone, number):
    code = show_code(desk)
    at(phone, ELSEWHERE)
    scan(phone, code)
    assert approve(phone, code, number=number) == 422
    assert QrSignIn.objects.get().tries == 0


@pytest.mark.parametrize(
    ("desktop", "handset", "is_asked"),
    [
        ("203.0.113.7", "203.0.113.250", False),
        ("203.0.113.7", "203.0.114.7", True),
        ("2001:db8:1:2::7", "2001:db8:1:2:ffff::1", False),
        ("2001:db8:1:2::7", "2001:db8:1:3::7", True),
        ("203.0.113.7", "2001:db8:1:2::7", True),
        ("127.0.0.1", "127.0.0.1", True),  # in production: a proxy nobody told us of
    ],
)
def test_the_number_is_asked_for_where_the_networks_differ(phone, desktop, handset, is_asked):
    code = show_code(desk_at(desktop))
    at(phone, handset)
    scan(phone, code)
    assert (b'name="number"' in phone.get(path(code)).content) == is_asked
    assert approve(phone, code) == (422 if is_asked else 303)


def test_the_desktop_shows_the_number_only_if_the_phone_asks(desk, phone):
    code = show_code(desk)
    at(phone, OFFICE_TOO)
    scan(phone, code)
    assert "number" not in poll(desk, code)
    at(phone, ELSEWHERE)
    assert approve(phone, code) == 422
    assert poll(desk, code)["number"] == code.number
    assert approve(phone, code, number=code.number) == 303


def test_the_desktop_shows_the_number_at_once_to_another_network(desk, phone):
    code = show_code(desk)
    assert "number" not in poll(desk, code)
    at(phone, ELSEWHERE)
    scan(phone, code)
    assert poll(desk, code)["number"] == code.number


def test_in_the_demo_loopback_counts_as_one_network(phone, settings):
    settings.HAS_DEMO = True
    code = show_code(desk_at("127.0.0.1"))
    at(phone, "127.0.0.1")
    scan(phone, code)
    assert approve(phone, code) == 303


def test_a_code_that_ran_out_of_time_blames_nobody(desk, phone):
    """T7: two wrong numbers, then its time."""
    code = show_code(desk)
    at(phone, ELSEWHERE)
    scan(phone, code)
    assert [approve(phone, code, number=wrong(code)) for _ in range(2)] == [422, 422]
    QrSignIn.objects.update(expires_at=timezone.now(), state="expired")
    assert approve(phone, code, number=code.number) == 410
    page = phone.get(path(code)).text
    assert 'data-state="expired"' in page
    assert "wrong three times" not in page
