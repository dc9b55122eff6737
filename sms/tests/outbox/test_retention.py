"""What is kept how long (security.md 6.4)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from sms import tasks
from sms.models import Message

pytestmark = pytest.mark.django_db


def age(days: float) -> None:
    Message.objects.update(created_at=timezone.now() - timedelta(days=days))


@pytest.mark.parametrize(("days", "is_kept"), [(29.99, True), (30, False), (31, False)])
def test_words_of_a_message_are_forgotten_after_30_days_and_its_row_stays(queue, days, is_kept):
    queue()
    tasks.deliver_messages()
    age(days)
    tasks.delete_expired_codes()
    message = Message.objects.get()
    assert bool(message.text) is bool(message.params) is is_kept
    assert message.state == "sent"


@pytest.mark.parametrize(("days", "count"), [(179.99, 1), (180, 0), (181, 0)])
def test_row_of_a_message_is_forgotten_after_180_days(queue, days, count):
    queue()
    tasks.deliver_messages()
    age(days)
    tasks.delete_expired_codes()
    assert Message.objects.count() == count


def test_message_that_still_waits_keeps_its_words(queue):
    queue()
    age(200)
    tasks.delete_expired_codes()
    assert Message.objects.get().text
    tasks.deliver_messages()
    assert Message.objects.get().state == "sent"
