"""The interface of SMS gateways. Each gateway is a class named in SMS_GATEWAYS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from sms.models import Message


@dataclass(frozen=True)
class OutgoingSms:
    """One attempt to send a message, with its secrets in the text. `template` and `params` are for gateways that accept
    registered templates only."""

    id: str
    to: str
    kind: str
    text: str = field(repr=False)
    template: str
    params: dict[str, str] = field(repr=False)


@dataclass(frozen=True)
class Outcome:
    """The result of an attempt: sent, rejected, retry_wait or unknown. `reason` is a msgid, `retry_after` in seconds.

    `provider_status` and `error` (the provider's error number) are set by a lookup.
    """

    state: str
    reason: str = ""
    provider_id: str = ""
    retry_after: float | None = None
    provider_status: str = ""
    error: str = ""


def sent(provider_id: str = "", status: str = "", error: str = "") -> Outcome:
    """The provider has accepted the message."""
    return Outcome(Message.State.SENT, provider_id=provider_id, provider_status=status, error=error)


def rejected(reason: str) -> Outcome:
    """The message was not sent, and a retry would not help."""
    return Outcome(Message.State.REJECTED, reason)


def retry(reason: str, after: float | None = None) -> Outcome:
    """The message was not sent; a retry may help."""
    return Outcome(Message.State.RETRY_WAIT, reason, retry_after=after)


def unknown(reason: str) -> Outcome:
    """The message may have been sent, so it is not retried."""
    return Outcome(Message.State.UNKNOWN, reason)


class LookupUnavailable(Exception):
    """The gateway can't answer a lookup at the moment."""


class Gateway(Protocol):
    """A gateway. `batch_size` messages are claimed at a time; if the worker is killed, their outcome is in doubt.

    Of codes, which nobody waits for long, it is `code_batch_size`.
    """

    batch_size: int
    code_batch_size: int

    def send(self, batch: Sequence[OutgoingSms], *, until: float) -> list[Outcome]:
        """Return one outcome per message, in order. Start no request after `until` (time.monotonic())."""

    def find_sent(self, ids: set[str]) -> set[str] | None:
        """Return the attempts that were sent, or None if this gateway can't tell. Raise LookupUnavailable."""


class LookupGateway(Gateway, Protocol):
    """A gateway whose provider lists sent messages, but not by our attempt id."""

    def look_up(self, to: str, text: str, since: datetime) -> Outcome | None:
        """Return the outcome of the message with this recipient and text sent since then. Raise LookupUnavailable."""


def can_look_up(name: str) -> bool:
    """True if the gateway of this name is a LookupGateway."""
    return hasattr(import_string(settings.SMS_GATEWAYS[name]), "look_up")


def open_gateway(name: str) -> Gateway:
    """Return the gateway of this name in SMS_GATEWAYS, without connecting."""
    return import_string(settings.SMS_GATEWAYS[name])()
