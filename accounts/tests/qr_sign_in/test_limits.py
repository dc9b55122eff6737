"""How many codes, questions, guesses and approvals there may be (security.md Q20, Q21 and 2.2)."""

import secrets
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import QrSignIn
from accounts.qr_sign_in.desktop import delete_expired_codes
from accounts.tests.qr_sign_in.people import (
    ELSEWHERE,
    OFFICE,
    age,
    approve,
    approved,
    at,
    claim,
    desk_at,
    path,
    scan,
    show_code,
    state_of,
)
from core.models import Counter

pytestmark = pytest.mark.django_db


def test_q20_of_many_codes_one_address_gets_ten_a_minute():
    with time_machine.travel("2026-11-22T09:00:10Z", tick=False) as clock:
        answers = [desk_at().post("/q/") for _ in range(60)]
        assert [answer.status_code for answer in answers] == [303] * 10 + [429] * 50
        assert answers[-1]["Retry-After"] == "50"
        assert QrSignIn.objects.count() == 10
        assert desk_at(ELSEWHERE).post("/q/").status_code == 303
        clock.shift(50)
        assert desk_at().post("/q/").status_code == 303


def test_q20_no_row_is_older_than_ten_minutes(desk, phone):
    with time_machine.travel("2026-11-22T09:00:00Z", tick=False) as clock:
        code = show_code(desk)
        clock.shift(119)
        QrSignIn.objects.update(state="new")
        late = show_code(desk)
        clock.shift(301)
        assert delete_expired_codes() == 0  # 420 s after its creation it is over for 300
        clock.shift(1)
        assert delete_expired_codes() == 1
        assert QrSignIn.objects.get() == late != code


def test_a_browser_that_reloads_keeps_its_three_newest_codes(desk):
    codes = [show_code(desk) for _ in range(5)]
    assert [state_of(code) for code in codes] == ["expired", "expired", "new", "new", "new"]


@time_machine.travel("2026-11-22T09:00:00Z", tick=False)  # all within one minute, however slow the machine
def test_a_page_renews_its_code_five_times_beyond_the_limit_of_the_address(desk):
    code = show_code(desk)
    for _ in range(9):
        show_code(desk_at())
    for _ in range(5):
        age(code, 120)
        code = show_code(desk, renews=code.token)
    age(code, 120)
    assert desk.post("/q/", {"renews": code.token}).status_code == 429


@time_machine.travel("2026-11-22T09:00:00Z", tick=False)  # all within one minute, however slow the machine
def test_a_code_is_renewed_once_and_only_when_it_is_over(desk):
    code = show_code(desk)
    for _ in range(9):
        show_code(desk_at())
    assert desk.post("/q/", {"renews": code.token}).status_code == 429  # it lives
    age(code, 120)
    assert desk_at().post("/q/", {"renews": code.token}).status_code == 429  # another's
    assert desk.post("/q/", {"renews": code.token}).status_code == 303
    assert desk.post("/q/", {"renews": code.token}).status_code == 429


def test_q21_guessing_ids_finds_nothing_and_is_limited(phone):
    show_code(desk_at())
    guesses = [secrets.token_urlsafe(16) for _ in range(10_000)]
    assert not any(
        QrSignIn.objects.filter(token__in=guesses[start : start + 500]).exists() for start in range(0, 10_000, 500)
    )
    with time_machine.travel("2026-11-22T09:00:00Z", tick=False):
        thief = desk_at(ELSEWHERE)
        answers = [thief.get(f"/q/{number:022}/state/").status_code for number in range(100)]
        assert answers == [404] * 60 + [429] * 40
        at(phone, ELSEWHERE)
        answer = phone.post(f"/q/{'A' * 22}/scan/")
        assert (answer.status_code, answer["Retry-After"]) == (429, "60")


def test_a_limited_address_can_still_use_a_real_code(desk, phone):
    Counter.objects.create(key=f"qr miss {OFFICE}", window=timezone.now().replace(second=0, microsecond=0), count=60)
    code = approved(desk, phone)
    assert claim(desk, code) == 303


@pytest.mark.parametrize(("pause", "status"), [(0.999, 429), (1, 200)])
def test_a_page_may_ask_once_a_second(pause, status):
    with time_machine.travel("2026-11-22T09:00:00Z", tick=False) as clock:
        desk = desk_at()
        code = show_code(desk)
        assert desk.get(path(code, "state/")).status_code == 200
        clock.shift(timedelta(seconds=pause))
        answer = desk.get(path(code, "state/"))
        assert answer.status_code == status
        assert answer.headers.get("Retry-After") == (None if status == 200 else "2")


def test_a_person_approves_ten_times_an_hour(phone):
    with time_machine.travel(timezone.now().replace(minute=10), tick=False) as clock:
        for number in range(11):
            clock.shift(60)
            code = show_code(desk_at())
            scan(phone, code)
            assert approve(phone, code) == (303 if number < 10 else 429)
        assert state_of(code) == "scanned"


def test_an_approval_beyond_the_limit_uses_up_no_attempt_at_the_number(desk, phone, settings):
    settings.ACCOUNTS_QR_APPROVALS_PER_HOUR = 1
    approved(desk_at(), phone)
    code = show_code(desk)
    at(phone, ELSEWHERE)
    scan(phone, code)
    assert approve(phone, code, number=code.number) == 429
    code.refresh_from_db()
    assert code.tries == 0
