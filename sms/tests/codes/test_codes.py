"""One-time codes at every boundary (security.md 1.2, O1 to O14)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.encryption import decrypt
from sms.codes.actions import (
    CodeExpired,
    CodeLimited,
    CodeSpent,
    CodeWrong,
    check_code,
    current_code,
    send_code,
    unlock_phones,
)
from sms.models import Alarm, Message, PhoneAttemptCounter, PhoneCode
from sms.outbox.delivery import deliver_messages
from sms.outbox.texts import render_text
from sms.retention import delete_expired_codes

PHONE = "+8613800138000"
BROWSER = "a browser's secret"


def ask(phone: str = PHONE, purpose: str = "login", browser: str = BROWSER, **more) -> PhoneCode:
    return send_code(phone=phone, purpose=purpose, browser=browser, language="en", **more)


def digits_of(code: PhoneCode) -> str:
    """Return the texts as the phone shows them."""
    return decrypt(Message.objects.get(subject=str(code.pk)).encrypted)["code"]


def other_than(digits: str) -> str:
    return f"{(int(digits) + 1) % 10**6:06}"


def age(code: PhoneCode, seconds: float) -> None:
    """Move the code's times back by `seconds`."""
    PhoneCode.objects.filter(pk=code.pk).update(
        created_at=code.created_at - timedelta(seconds=seconds), expires_at=code.expires_at - timedelta(seconds=seconds)
    )


@pytest.mark.django_db
def test_right_code_proves_the_phone_once():
    digits = digits_of(ask())
    assert check_code(digits, purpose="login", browser=BROWSER).phone == PHONE
    with pytest.raises(CodeExpired):
        check_code(digits, purpose="login", browser=BROWSER)


@pytest.mark.django_db
def test_sms_contains_the_code_as_six_separate_digits_and_no_link(enterprise):
    enterprise.name = "公司123456 www.evil.example"
    code = ask(enterprise=enterprise)
    message = Message.objects.get()
    text = render_text("code", {**message.params, **decrypt(message.encrypted)}, "en")
    assert re.findall(r"(?<!\d)\d{6}(?!\d)", text) == [digits_of(code)]
    assert not re.search(r"://|www|\w\.\w", text)
    assert f"{code.serial:02}" in text
    assert "5" in text


@pytest.mark.django_db
def test_code_is_not_stored_in_plain_text():
    code = ask()
    digits = digits_of(code)
    message = Message.objects.get()
    for row in (code, message, PhoneAttemptCounter.objects.get()):
        assert digits not in repr({field.name: getattr(row, field.name) for field in row._meta.fields})


@pytest.mark.django_db
@pytest.mark.parametrize(
    "typed",
    ["123456", "１２３４５６", "123 456", " 123456\n", "123-456", "G-123456", "g123456", "١٢٣٤٥٦", "1\u200b23456",
     "123\u00a0456", "１２３　４５６", "Ｇ－１２３４５６"],
)  # fmt: skip
def test_code_is_accepted_in_any_notation(typed, monkeypatch):
    monkeypatch.setattr("sms.codes.actions.secrets.randbelow", lambda _limit: 123456)
    ask()
    assert check_code(typed, purpose="login", browser=BROWSER)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "typed", ["", " ", "12345", "1234567", "abcdef", "12345a", "0x1234", "\x00", "1" * 10_000, "٣", "½½½"]
)
def test_input_that_is_no_code_is_refused_and_not_counted(typed):
    code = ask()
    with pytest.raises(CodeWrong):
        check_code(typed, purpose="login", browser=BROWSER)
    code.refresh_from_db()
    assert code.attempts == 0


@pytest.mark.django_db
def test_sixth_check_is_not_evaluated_even_if_it_is_right():
    code = ask()
    digits = digits_of(code)
    for _ in range(5):
        with pytest.raises(CodeWrong):
            check_code(other_than(digits), purpose="login", browser=BROWSER)
    with pytest.raises(CodeSpent) as spent:
        check_code(digits, purpose="login", browser=BROWSER)
    assert 1 <= spent.value.retry_after <= 60
    code.refresh_from_db()
    assert (code.attempts, code.consumed_at) == (5, None)


@pytest.mark.django_db
def test_fifth_check_is_evaluated():
    digits = digits_of(ask())
    for _ in range(4):
        with pytest.raises(CodeWrong):
            check_code(other_than(digits), purpose="login", browser=BROWSER)
    assert check_code(digits, purpose="login", browser=BROWSER)


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "is_alive"), [(298, True), (300, False), (301, False)])
def test_code_lives_300_seconds(seconds, is_alive):
    code = ask()
    digits = digits_of(code)
    age(code, seconds)
    if is_alive:
        assert check_code(digits, purpose="login", browser=BROWSER)
        return
    with pytest.raises(CodeExpired):
        check_code(digits, purpose="login", browser=BROWSER)
    assert not PhoneAttemptCounter.objects.exclude(failures=0).exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "may_send"), [(0, False), (58, False), (60, True), (61, True)])
def test_code_is_sent_again_after_60_seconds(seconds, may_send):
    age(ask(), seconds)
    if may_send:
        assert ask()
        return
    with pytest.raises(CodeLimited) as limited:
        ask()
    assert 60 - seconds - 1 <= limited.value.retry_after <= 60 - seconds
    assert Message.objects.count() == 1


@pytest.mark.django_db
def test_new_code_invalidates_the_old_one_and_cancels_its_sms(monkeypatch):
    numbers = iter([111111, 222222])
    monkeypatch.setattr("sms.codes.actions.secrets.randbelow", lambda _limit: next(numbers))
    age(ask(), 60)
    assert ask() == current_code(purpose="login", browser=BROWSER)
    with pytest.raises(CodeWrong):
        check_code("111111", purpose="login", browser=BROWSER)
    assert list(Message.objects.order_by("pk").values_list("state", flat=True)) == ["cancelled", "pending"]
    assert Message.objects.order_by("pk")[0].encrypted == ""


@pytest.mark.django_db
def test_browser_that_corrects_its_number_can_use_only_the_last_code(monkeypatch):
    numbers = iter([111111, 222222])
    monkeypatch.setattr("sms.codes.actions.secrets.randbelow", lambda _limit: next(numbers))
    ask("+8613900139000")
    ask()
    with pytest.raises(CodeWrong):
        check_code("111111", purpose="login", browser=BROWSER)
    assert check_code("222222", purpose="login", browser=BROWSER).phone == PHONE
    assert current_code(purpose="login", browser=BROWSER) is None


@pytest.mark.django_db
def test_serial_tells_which_sms_is_the_newest():
    first = ask()
    age(first, 60)
    assert ask().serial == first.serial + 1
    PhoneAttemptCounter.objects.update(serial=99)
    age(PhoneCode.objects.latest("created_at"), 60)
    assert ask().serial == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("count", "oldest", "may_send"), [(4, 3000, True), (5, 3598, False), (5, 3600, True)])
def test_number_gets_five_codes_an_hour_over_all_purposes(count, oldest, may_send):
    for number in range(count):
        age(ask(purpose=["login", "join"][number % 2], browser=f"b{number}"), oldest - number * 65)
    assert_may(may_send)


@pytest.mark.django_db
@pytest.mark.parametrize(("count", "oldest", "may_send"), [(9, 80_000, True), (10, 86_398, False), (10, 86_400, True)])
def test_number_gets_ten_codes_a_day(count, oldest, may_send):
    for number in range(count):
        age(ask(browser=f"b{number}"), oldest - number * 4000)
    assert_may(may_send)


@pytest.mark.django_db
@pytest.mark.parametrize(("count", "oldest", "may_send"), [(4, 100, True), (5, 598, False), (5, 600, True)])
def test_browser_asks_for_five_codes_in_ten_minutes(count, oldest, may_send):
    for number in range(count):
        age(ask(phone=f"+861390013800{number}"), oldest - number)
    assert_may(may_send)


def assert_may(may_send: bool) -> None:
    before = Message.objects.count()
    if may_send:
        ask()
    else:
        with pytest.raises(CodeLimited) as limited:
            ask()
        assert 1 <= limited.value.retry_after <= 2
    assert Message.objects.count() == before + may_send


def fail(times: int) -> None:
    """So many wrong checks of a fresh code, all waits for codes left out."""
    PhoneCode.objects.all().delete()
    code = ask()
    for _ in range(times):
        with pytest.raises(CodeWrong):
            check_code(other_than(digits_of(code)), purpose="login", browser=BROWSER)
    PhoneCode.objects.all().delete()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("failures", "wait"), [(9, None), (10, 900), (11, None), (29, None), (30, 43200), (99, None), (100, 86400)]
)
def test_failures_in_a_row_make_a_number_wait(failures, wait):
    PhoneAttemptCounter.objects.create(phone=PHONE, failures=failures - 1)
    fail(1)
    if wait is None:
        assert ask()
        return
    with pytest.raises(CodeLimited) as limited:
        ask()
    assert wait - 2 <= limited.value.retry_after <= wait


@pytest.mark.django_db
def test_100_failures_block_a_number_until_it_is_unlocked():
    for _ in range(20):
        fail(5)
        PhoneAttemptCounter.objects.update(wait_until=timezone.now())
    assert PhoneAttemptCounter.objects.get().failures == 100
    with pytest.raises(CodeLimited):
        ask()
    unlock_phones([PHONE])
    assert ask()


@pytest.mark.postgres
@pytest.mark.django_db
def test_counters_are_unlocked_in_the_order_of_their_keys():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks no rows")
    phones = [f"+861390013900{digit}" for digit in (3, 1, 2)]
    PhoneAttemptCounter.objects.bulk_create(PhoneAttemptCounter(phone=phone, failures=5) for phone in phones)
    with CaptureQueriesContext(connection) as queries:
        unlock_phones(phones)
    locking = next(query["sql"] for query in queries if "FOR UPDATE" in query["sql"])
    assert locking.endswith("ORDER BY 1 ASC FOR UPDATE")
    assert not PhoneAttemptCounter.objects.filter(failures__gt=0).exists()


@pytest.mark.django_db
def test_waiting_number_has_no_code_checked():
    digits = digits_of(ask())
    PhoneAttemptCounter.objects.update(failures=10, wait_until=timezone.now() + timedelta(seconds=100))
    with pytest.raises(CodeSpent) as spent:
        check_code(digits, purpose="login", browser=BROWSER)
    assert 98 <= spent.value.retry_after <= 100
    PhoneAttemptCounter.objects.update(wait_until=timezone.now())
    assert check_code(digits, purpose="login", browser=BROWSER)


@pytest.mark.django_db
def test_right_code_clears_the_failures_and_a_new_code_does_not():
    fail(3)
    code = ask()
    assert PhoneAttemptCounter.objects.get().failures == 3
    check_code(digits_of(code), purpose="login", browser=BROWSER)
    assert PhoneAttemptCounter.objects.get().failures == 0


@pytest.mark.django_db
def test_attempt_without_an_outstanding_code_is_not_counted():
    PhoneAttemptCounter.objects.create(phone=PHONE)
    with pytest.raises(CodeExpired):
        check_code("123456", purpose="login", browser=BROWSER)
    assert PhoneAttemptCounter.objects.get().failures == 0


REQUESTS = [
    {"phone": PHONE, "purpose": "login", "browser": "a", "subject": ""},
    {"phone": "+8613900139000", "purpose": "login", "browser": "b", "subject": ""},
    {"phone": PHONE, "purpose": "join", "browser": "a", "subject": "member:1"},
    {"phone": "+8613700137000", "purpose": "join", "browser": "a", "subject": "member:2"},
]


@pytest.mark.django_db
@pytest.mark.parametrize("asked", range(4))
@pytest.mark.parametrize("used", range(4))
def test_code_works_only_where_it_was_asked_for(asked, used, monkeypatch):
    numbers = iter([111111, 222222, 333333, 444444])
    monkeypatch.setattr("sms.codes.actions.secrets.randbelow", lambda _limit: next(numbers))
    codes = [send_code(**request, language="en") for request in REQUESTS]
    request = {key: REQUESTS[used][key] for key in ("purpose", "browser", "subject")}
    digits = str(111111 * (asked + 1))
    if asked == used:
        assert check_code(digits, **request) == codes[used]
    else:
        with pytest.raises(CodeWrong):
            check_code(digits, **request)


@pytest.mark.django_db
def test_known_and_unknown_number_execute_the_same_statements():
    logs = []
    for phone, is_listed in [(PHONE, True), ("+8613900139000", False)]:
        for wrong in (False, True):
            with CaptureQueriesContext(connection) as queries:
                if wrong:
                    with pytest.raises(CodeWrong):
                        check_code("000000", purpose="login", browser=phone)
                else:
                    ask(phone, browser=phone, is_listed=is_listed)
            logs.append([shape_of(query["sql"]) for query in queries])
    assert logs[0] == logs[2]
    assert logs[1] == logs[3]
    assert len(logs[0]) > 5


def shape_of(sql: str) -> str:
    return re.sub(r"'[^']*'|\b[0-9a-f]{32}\b| ?-?\b\d+\b|\bNULL\b|\btrue\b|\bfalse\b|s\d+_x\d+", "?", sql)


@pytest.mark.django_db
def test_decoy_sends_no_sms_and_accepts_no_code():
    code = ask(is_listed=False)
    message = Message.objects.get()
    assert (message.state, message.encrypted) == ("cancelled", "")
    assert code.is_decoy
    assert deliver_messages(["code"]) is False
    with pytest.raises(CodeLimited):
        ask(is_listed=False)
    for _ in range(5):
        with pytest.raises(CodeWrong):
            check_code("123456", purpose="login", browser=BROWSER)
    with pytest.raises(CodeSpent):
        check_code("123456", purpose="login", browser=BROWSER)
    assert PhoneAttemptCounter.objects.get().failures == 5


@pytest.mark.django_db
def test_stranger_may_apply_and_gets_an_sms():
    code = ask(purpose="apply", is_listed=False, address="203.0.113.7")
    assert check_code(digits_of(code), purpose="apply", browser=BROWSER) == code


@pytest.mark.django_db
def test_address_block_asks_for_twenty_strangers_in_ten_minutes():
    strangers = [f"+86139{number:04}{number:04}" for number in range(21)]
    for number, phone in enumerate(strangers[:20]):
        ask(phone, purpose="apply", browser=f"b{number}", is_listed=False, address="203.0.113.7")
    with pytest.raises(CodeLimited):
        ask(strangers[20], purpose="apply", is_listed=False, address="203.0.113.7")
    assert ask(strangers[20], purpose="apply", browser="c", is_listed=False, address="203.0.113.8")
    with pytest.raises(CodeLimited):
        ask(PHONE, purpose="apply", browser="d", is_listed=True, address="203.0.113.7")
    assert ask(PHONE, purpose="login", browser="d", is_listed=True, address="203.0.113.7")


@pytest.mark.django_db
def test_proven_stranger_counts_no_longer(settings):
    settings.SMS_STRANGERS_PER_ADDRESS = 1
    code = ask(purpose="apply", is_listed=False, address="203.0.113.7")
    check_code(digits_of(code), purpose="apply", browser=BROWSER)
    assert ask("+8613900139000", purpose="apply", is_listed=False, address="203.0.113.7")


@pytest.mark.django_db
def test_numbers_of_one_prefix_are_refused_after_five_strangers():
    sent = 0
    for number in range(30):
        try:
            ask(f"+861390013{number:04}", purpose="apply", browser=f"b{number}", is_listed=False, address="203.0.113.7")
            sent += 1
        except CodeLimited:
            pass
    assert sent == Message.objects.count() == 5
    assert Alarm.objects.get().kind == "row"


@pytest.mark.django_db
def test_codes_are_deleted_after_a_day():
    age(ask(), 86_399)
    delete_expired_codes()
    assert PhoneCode.objects.count() == PhoneAttemptCounter.objects.count() == 1
    age(PhoneCode.objects.get(), 1)
    delete_expired_codes()
    assert PhoneCode.objects.count() == PhoneAttemptCounter.objects.count() == 0


@pytest.mark.django_db
def test_counter_with_failures_is_not_deleted():
    fail(1)
    delete_expired_codes()
    assert PhoneAttemptCounter.objects.get().failures == 1
