"""Applying after many requests for codes: the proof of work, and the limit without script."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from invitations.tests.people import PHONE, join_path, new_phone
from sms.codes.alarms import raise_alarm
from sms.codes.proof_of_work import Challenge
from sms.models import Alarm, Message, PhoneCode
from sms.tests.codes.solving import solve

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _work(settings):
    settings.SMS_WORK_PARTS, settings.SMS_WORK_BITS = 3, 4
    raise_alarm(Alarm.Kind.CONVERSION, window=timezone.now())


@pytest.fixture
def client(open_tenant):
    client = new_phone()
    client.get(join_path(open_tenant.enterprise), follow=True)
    return client


def work_in(page: str) -> Challenge:
    """As the script reads it from the page."""
    text = re.search(r'data-work="([^"]+)"', page)[1]
    parts, bits = re.search(r'max="(\d+)"', page)[1], re.search(r'data-work-bits="(\d+)"', page)[1]
    return Challenge(text, int(parts), int(bits))


def test_the_page_brings_the_work_with_what_was_typed_and_its_answer_sends_the_code(client, open_tenant):
    answer = client.post("/j/send/", {"phone": "139 0013 9001"})
    assert (answer.status_code, answer["Retry-After"]) == (429, "600")
    assert 'value="139 0013 9001"' in answer.text
    assert answer.text.count("Too many codes are being requested right now. Try again later.") == 1
    assert not Message.objects.exists()
    done = client.post("/j/send/", {"phone": "139 0013 9001", "work": solve(work_in(answer.text))})
    assert (done.status_code, done["Location"]) == (303, "/j/")
    assert Message.objects.get().to == PHONE


def test_asked_for_again_it_costs_again(client, open_tenant):
    client.post("/j/send/", {"phone": PHONE, "work": solve(work_in(client.post("/j/send/", {"phone": PHONE}).text))})
    at = timezone.now() - timezone.timedelta(seconds=61)
    PhoneCode.objects.update(created_at=at)
    answer = client.post("/j/resend/")
    assert answer.status_code == 429
    assert 'data-countdown="0"' in answer.text
    assert client.post("/j/resend/", {"work": solve(work_in(answer.text))}).status_code == 303
    assert Message.objects.count() == 2


def test_a_wrong_answer_counts_and_restarts_nothing(client, open_tenant):
    answer = client.post("/j/send/", {"phone": PHONE, "work": "x|1,2,3"})
    assert answer.status_code == 429
    assert "data-work=" not in answer.text
    assert "Too many codes are being requested right now. Try again later." in answer.text


def test_the_next_browser_can_not_use_it(client, open_tenant):
    proof = solve(work_in(client.post("/j/send/", {"phone": PHONE}).text))
    other = new_phone()
    other.get(join_path(open_tenant.enterprise), follow=True)
    assert other.post("/j/send/", {"phone": PHONE, "work": proof}).status_code == 429
    assert not Message.objects.exists()


def test_whether_a_number_is_in_the_directory_does_not_show(client, open_tenant, wang):
    assert wang.phone
    for number in (str(wang.phone), PHONE):
        assert "data-work=" in client.post("/j/send/", {"phone": number}).text


def test_where_it_is_quiet_no_page_speaks_of_it(client, open_tenant):
    Alarm.objects.all().delete()
    assert "data-work" not in client.get("/j/").text
    assert client.post("/j/send/", {"phone": PHONE}).status_code == 303
    assert "data-work" not in client.get("/j/").text
