"""One-time codes at every boundary (security.md 1.2, O1 to O14)."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.encryption import decrypt
from sms.codes.actions import CodeExpired, CodeLimited, CodeSpent, CodeWrong, check_code, current_code
from sms.models import Door, Message, PhoneAttemptCounter, PhoneCode
from sms.outbox.delivery import deliver_messages
from sms.outbox.texts import render_text
from sms.retention import delete_expired_codes
from sms.tests.codes.asking import BROWSER, PHONE, age, ask, digits_of, other_than, shape_of


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
    assert ask(address="203.0.113.8").serial == 1


@pytest.mark.django_db
def test_attempt_without_an_outstanding_code_is_not_counted():
    PhoneAttemptCounter.objects.create(phone=PHONE, door=Door.ANONYMOUS)
    with pytest.raises(CodeExpired):
        check_code("123456", purpose="login", browser=BROWSER)
    assert PhoneAttemptCounter.objects.get().failures == 0


REQUESTS = [
    {"phone": PHONE, "purpose": "login", "browser": "a", "subject": ""},
    {"phone": "+8613900139000", "purpose": "login", "browser": "b", "subject": ""},
    {"phone": PHONE, "purpose": "join", "browser": "a", "subject": "member:1"},
    {"phone": "+8613700137000", "purpose": "join", "browser": "a", "subject": "member:2"},
]
DOORS = {"login": Door.ANONYMOUS, "join": Door.PROVEN}


@pytest.mark.django_db
@pytest.mark.parametrize("asked", range(4))
@pytest.mark.parametrize("used", range(4))
def test_code_works_only_where_it_was_asked_for(asked, used, monkeypatch):
    numbers = iter([111111, 222222, 333333, 444444])
    monkeypatch.setattr("sms.codes.actions.secrets.randbelow", lambda _limit: next(numbers))
    codes = [ask(**request, door=DOORS[request["purpose"]]) for request in REQUESTS]
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
def test_codes_are_deleted_after_a_day():
    age(ask(), 86_399)
    delete_expired_codes()
    assert PhoneCode.objects.count() == PhoneAttemptCounter.objects.count() == 1
    age(PhoneCode.objects.get(), 1)
    delete_expired_codes()
    assert PhoneCode.objects.count() == PhoneAttemptCounter.objects.count() == 0


@pytest.mark.django_db
def test_counter_with_failures_is_not_deleted():
    """The failures of one door outlive the codes of both."""
    PhoneAttemptCounter.objects.create(phone=PHONE, door=Door.PROVEN)
    PhoneAttemptCounter.objects.create(phone=PHONE, door=Door.ANONYMOUS, failures=1)
    delete_expired_codes()
    assert PhoneAttemptCounter.objects.get().failures == 1
