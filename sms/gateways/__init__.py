"""What a gateway is: it takes letters and tells what became of each. One class a gateway, named in SMS_GATEWAYS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from sms.models import Message


@dataclass(frozen=True)
class Letter:
    """One message with its secrets in it. `id` names this one attempt; for gateways without free text, the template."""

    id: str
    to: str
    kind: str
    text: str = field(repr=False)
    template: str
    params: dict[str, str] = field(repr=False)


@dataclass(frozen=True)
class Outcome:
    """What became of a letter: sent, rejected, retry_wait or unknown. `reason` is a msgid, `retry_after` seconds."""

    state: str
    reason: str = ""
    provider_id: str = ""
    retry_after: float | None = None
    # What a provider that was asked later says of it by then, and its number for what went wrong.
    provider_status: str = ""
    error: str = ""


def sent(provider_id: str = "", status: str = "", error: str = "") -> Outcome:
    """The provider has it."""
    return Outcome(Message.State.SENT, provider_id=provider_id, provider_status=status, error=error)


def rejected(reason: str) -> Outcome:
    """Certainly not sent, and trying again would not help."""
    return Outcome(Message.State.REJECTED, reason)


def retry(reason: str, after: float | None = None) -> Outcome:
    """Certainly not sent; trying again may help."""
    return Outcome(Message.State.RETRY_WAIT, reason, retry_after=after)


def unknown(reason: str) -> Outcome:
    """Perhaps sent. Never sent again by itself."""
    return Outcome(Message.State.UNKNOWN, reason)


class CannotTellYet(Exception):
    """Ask again in a moment: somebody is still writing."""


class Gateway(Protocol):
    """`batch_size` letters are claimed at a time: as many are in doubt if the worker is killed."""

    batch_size: int

    def send(self, letters: Sequence[Letter], *, until: float) -> list[Outcome]:
        """One outcome a letter, in order. Must not begin to send after `until` (time.monotonic())."""

    def find(self, ids: set[str]) -> set[str] | None:
        """Those that were certainly sent, all others certainly not; None if this gateway can't tell.

        Raises CannotTellYet if it will be able to later.
        """


class LookingGateway(Gateway, Protocol):
    """One that can't tell by id what it sent, but lists what it did send."""

    def look_up(self, to: str, text: str, since: datetime) -> Outcome | None:
        """The message to this number with these words, if one was made since then. Raises CannotTellYet."""


def can_look_up(name: str) -> bool:
    """Whether this gateway can be asked later what it sent, by number and words."""
    return hasattr(import_string(settings.SMS_GATEWAYS[name]), "look_up")


def open_gateway(name: str) -> Gateway:
    """A gateway by its name in SMS_GATEWAYS. Reads settings, opens no connection yet."""
    return import_string(settings.SMS_GATEWAYS[name])()
