"""Decide on a message whose outcome the provider never reported."""

from __future__ import annotations

from accounts.audit.recording import Actor, recording
from sms.models import Message
from sms.outbox.reconciliation import confirm_message


def confirm_arrival(message: Message, *, by: Actor) -> bool:
    """Mark the message as sent. Return False if its outcome has become known meanwhile."""
    assert message.enterprise
    with recording(message.enterprise, by=by) as record:
        is_confirmed = confirm_message(message.pk)
        if is_confirmed:
            record(
                "message_confirmed",
                message,
                before={"outcome": Message.State.UNKNOWN},
                after={"outcome": Message.State.SENT},
            )
    return is_confirmed
