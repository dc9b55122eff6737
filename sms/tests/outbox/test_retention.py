"""Retention of messages (security.md 6.4)."""

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
def test_text_of_a_message_is_erased_after_30_days(queue, days, is_kept):
    queue()
    tasks.deliver_messages()
    age(days)
    tasks.delete_expired_codes()
    message = Message.objects.get()
    assert bool(message.text) is bool(message.params) is is_kept
    assert message.state == "sent"


@pytest.mark.parametrize(("days", "count"), [(179.99, 1), (180, 0), (181, 0)])
def test_message_is_deleted_after_180_days(queue, days, count):
    queue()
    tasks.deliver_messages()
    age(days)
    tasks.delete_expired_codes()
    assert Message.objects.count() == count


def test_waiting_message_keeps_its_text(queue):
    queue()
    age(200)
    tasks.delete_expired_codes()
    assert Message.objects.get().text
    tasks.deliver_messages()
    assert Message.objects.get().state == "sent"
