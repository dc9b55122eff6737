"""Many at once on one QR code, on PostgreSQL, twenty times over (security.md Q3, Q4, Q17, Q20)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from django.db import connection
from django.test import Client

from accounts.models import QrSignIn, ScannedSession, User
from accounts.tests.qr_sign_in.people import (
    ELSEWHERE,
    OFFICE_TOO,
    approve,
    at,
    claim,
    desk_at,
    path,
    scan,
    show_code,
    state_of,
)
from conftest import build_member, build_tenant

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
TIMES = 20


@pytest.fixture
def tenant(transactional_db):
    return build_tenant("示例科技", "example.com")


@pytest.fixture
def phones(tenant, client_of):
    """Two people's phones."""
    people = [("林晓", "linxiao", "+8613800138001"), ("吴桐", "wutong", "+8613800138007")]
    for name, prefix, number in people:
        user = User.objects.create_user(phone=number, name=name)
        build_member(tenant, name, prefix, number, status="active", user=user)
    users = User.objects.order_by("pk")
    return [at(client_of(user, method="code", enterprise=tenant.enterprise), OFFICE_TOO) for user in users]


def at_once(work: Callable[[int], object], times: int = 50) -> Counter[object]:
    """How often each outcome came."""

    def guarded(number: int) -> object:
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        return Counter(pool.map(guarded, range(times)))


def twin(browser: Client) -> Client:
    """The same browser once more, for a thread of its own."""
    copy = Client()
    copy.defaults, copy.cookies = dict(browser.defaults), browser.cookies.copy()
    return copy


@pytest.mark.parametrize("round", range(TIMES))
def test_q3_fifty_claims_at_once_open_one_session(phones, round):
    desk = desk_at()
    code = show_code(desk)
    scan(phones[0], code)
    approve(phones[0], code)
    assert at_once(lambda number: claim(twin(desk), code)) == {303: 1, 422: 49}
    assert ScannedSession.objects.count() == 1


@pytest.mark.parametrize("round", range(TIMES))
def test_q4_of_two_concurrent_scans_one_wins(phones, round):
    code = show_code(desk_at())
    outcomes = at_once(lambda number: (number % 2, scan(twin(phones[number % 2]), code)))
    winner = next(number for number, status in outcomes if status == 303)
    assert outcomes[winner, 303] == 25
    assert outcomes[1 - winner, 404] == 25


@pytest.mark.parametrize("round", range(TIMES))
def test_q17_of_fifty_numbers_at_once_three_are_looked_at(phones, round):
    code = show_code(desk_at())
    phone = at(phones[0], ELSEWHERE)
    scan(phone, code)
    guesses = [f"{(int(code.number) + 1 + number) % 100:02}" for number in range(50)]
    outcomes = at_once(lambda number: approve(twin(phone), code, number=guesses[number]))
    assert set(outcomes) <= {422, 410}
    assert QrSignIn.objects.get().tries == 3
    assert state_of(code) == "expired"


@pytest.mark.parametrize("round", range(TIMES))
def test_claiming_and_taking_back_at_once_agree_on_the_outcome(phones, round):
    desk = desk_at()
    code = show_code(desk)
    scan(phones[0], code)
    approve(phones[0], code)

    def work(number: int) -> object:
        if number % 2:
            return "claim", claim(twin(desk), code)
        return "decline", twin(phones[0]).post(path(code, "decline/")).status_code

    outcomes = at_once(work, 10)
    assert outcomes["decline", 303] == 5
    assert outcomes["claim", 303] <= 1
    assert state_of(code) == "declined"
    assert not ScannedSession.objects.exists()


@time_machine.travel("2026-11-22T09:00:00Z", tick=False)  # all within one minute, whenever they begin
def test_q20_of_fifty_codes_asked_for_at_once_ten_are_made(phones):
    assert at_once(lambda number: desk_at().post("/q/").status_code) == {303: 10, 429: 40}
    assert QrSignIn.objects.count() == 10


def test_ten_concurrent_codes_of_a_browser_leave_three(phones):
    desk = desk_at()
    show_code(desk)
    at_once(lambda number: twin(desk).post("/q/").status_code, 9)
    assert QrSignIn.objects.filter(state="new").count() == 3
