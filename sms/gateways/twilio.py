"""The gateway for Twilio, through its own library.

Twilio has no idempotency key for messages, so only what was certainly not sent is retried (security.md, fact 7).
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

import requests
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_noop as _
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema
from twilio.base.exceptions import TwilioException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from sms.gateways import LookupUnavailable, Outcome, OutgoingSms, rejected, retry, sent, unknown
from sms.models import Message

REASONS = {
    20003: _("Twilio rejects our credentials. Check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN."),
    21211: _("This phone number doesn't exist."),
    21212: _("Twilio rejects our sender. Check TWILIO_FROM."),
    21408: _("Twilio isn't allowed to send to this country. Allow it in Twilio's geographic permissions."),
    21606: _("Our sender number can't send SMS to this number. Check TWILIO_FROM."),
    21608: _("A Twilio trial account can only send to verified numbers."),
    21610: _("The recipient has opted out of our SMS."),
    21612: _("Our sender number can't reach this number."),
    21614: _("This number can't receive SMS."),
    21617: _("The SMS is too long."),
    30034: _("The sender isn't registered with the carriers."),
    63038: _("The account has reached its daily SMS limit."),
}
STATUS_PATH = "/hooks/twilio/status/"
# More than one number receives within the time of a lookup.
LISTED = 50
REFUSED = _("Twilio rejected the SMS.")
BUSY = _("Twilio asked us to slow down.")
UNREACHABLE = _("Twilio could not be reached.")
NOT_CONFIGURED = _("Twilio is not configured. Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.")
NO_ANSWER = _("Twilio did not answer in time.")
BROKEN_ANSWER = _("Twilio's response couldn't be understood.")
NOT_SENT = (requests.ConnectTimeout, InvalidSchema, InvalidURL, MissingSchema)
# TLS errors after the handshake: the request may have been read.
AFTER_HANDSHAKE = {None, "UNEXPECTED_EOF_WHILE_READING", "DECRYPTION_FAILED_OR_BAD_RECORD_MAC"}


class TwilioGateway:
    batch_size = 1  # a killed worker leaves at most one outcome unknown
    # Codes are sent in parallel, so that a slow provider delays none of them by the others' time. A killed worker
    # loses at most so many, and their recipients request new ones.
    code_batch_size = 10
    connect_seconds = 3.0
    read_seconds = 10.0

    def send(self, batch: Sequence[OutgoingSms], *, until: float) -> list[Outcome]:
        """Send each message with one request, all at the same time and without retries."""
        if not (settings.TWILIO_ACCOUNT_SID and settings.TWILIO_AUTH_TOKEN):
            return [retry(NOT_CONFIGURED)] * len(batch)
        if len(batch) == 1:
            return [self._send(batch[0], until)]
        with ThreadPoolExecutor(len(batch)) as pool:
            # The library's client belongs to one thread.
            return list(pool.map(lambda outgoing: type(self)()._send(outgoing, until), batch))

    def find_sent(self, ids: set[str]) -> set[str] | None:
        """Return None: Twilio stores no id of ours."""
        return None

    def look_up(self, to: str, text: str, since: datetime) -> Outcome | None:
        """Find the message by number, time and text, which contains a unique link. Raise LookupUnavailable."""
        try:
            listed = self._client.messages.list(to=to, limit=LISTED, page_size=LISTED)
        except (TwilioException, requests.RequestException, ValueError, TypeError, LookupError) as error:
            raise LookupUnavailable from error
        for message in listed:
            is_in_time = message.date_created is None or message.date_created >= since
            if message.body == text and is_in_time and str(message.sid).startswith(("SM", "MM")):
                return sent(str(message.sid), str(message.status or ""), str(message.error_code or ""))
        return None

    def _send(self, outgoing: OutgoingSms, until: float) -> Outcome:
        if time.monotonic() > until - self.connect_seconds - self.read_seconds:
            return retry(UNREACHABLE, after=0)
        try:
            message = self._client.messages.create(
                to=outgoing.to, body=outgoing.text, **_sender(), **_lifetime(outgoing), **_callback()
            )
        except TwilioException as error:
            return self._outcome_of_refusal(error)
        except requests.RequestException as error:
            return _outcome_of_failure(error)
        except (ValueError, TypeError, AttributeError, LookupError):
            return unknown(BROKEN_ANSWER)
        is_ours = message.account_sid in {None, settings.TWILIO_ACCOUNT_SID}
        if not is_ours or not str(message.sid).startswith(("SM", "MM")):
            return unknown(BROKEN_ANSWER)
        return sent(str(message.sid))

    def _outcome_of_refusal(self, error: TwilioException) -> Outcome:
        status, code = getattr(error, "status", 0), getattr(error, "code", 0)
        after = self._http.retry_after()
        if status == 429 or (status == 503 and after is not None):
            return retry(BUSY, after=after)
        if not 400 <= status < 500 or status == 408:
            return unknown(NO_ANSWER if status >= 500 else BROKEN_ANSWER)
        return rejected(REASONS.get(code, f"{REFUSED} ({code})"))

    @cached_property
    def _http(self) -> TimeoutHttpClient:
        return TimeoutHttpClient((self.connect_seconds, self.read_seconds))

    @cached_property
    def _client(self) -> Client:
        client = Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=self._http)
        if settings.TWILIO_BASE_URL:
            client.api.base_url = settings.TWILIO_BASE_URL
        return client


class TimeoutHttpClient(TwilioHttpClient):
    """The library's client with separate connect and read timeouts; it keeps the last response."""

    def __init__(self, timeouts: tuple[float, float]) -> None:
        super().__init__()
        self.timeout: Any = timeouts
        self._last: Response | None = None

    def request(self, *args: Any, **kwargs: Any) -> Response:
        """Send the request and keep its response for `retry_after`."""
        self._last = None
        self._last = super().request(*args, **kwargs)
        return self._last

    def log_request(self, kwargs: dict[str, Any]) -> None:
        """Log nothing: the library would write a dozen lines per message."""

    def log_response(self, status_code: int, response: Any) -> None:
        """Log nothing: the outcome is stored with the message."""

    def retry_after(self) -> float | None:
        """Return the seconds of the last response's Retry-After header, if any."""
        text = (self._last.headers or {}).get("Retry-After", "") if self._last else ""
        if text.isdecimal():
            return float(text)
        try:
            return max(0.0, (parsedate_to_datetime(text) - timezone.now()).total_seconds())
        except (ValueError, TypeError):
            return None


def _sender() -> dict[str, str]:
    if settings.TWILIO_MESSAGING_SERVICE_SID:
        return {"messaging_service_sid": settings.TWILIO_MESSAGING_SERVICE_SID}
    return {"from_": settings.TWILIO_FROM}


def _lifetime(outgoing: OutgoingSms) -> dict[str, int]:
    """Let carriers drop a code that is still queued at the end of its lifetime."""
    return {"validity_period": settings.SMS_CODE_SECONDS} if outgoing.kind == Message.Kind.CODE else {}


def _callback() -> dict[str, str]:
    """Ask for delivery reports, but not at an address that Twilio would refuse as unreachable."""
    return {"status_callback": f"{settings.PUBLIC_URL}{STATUS_PATH}"} if settings.IS_HTTPS else {}


def _outcome_of_failure(error: requests.RequestException) -> Outcome:
    if isinstance(error, NOT_SENT) or any(_is_before_sending(cause) for cause in _causes(error)):
        return retry(UNREACHABLE)
    return unknown(NO_ANSWER if isinstance(error, requests.Timeout) else BROKEN_ANSWER)


def _is_before_sending(cause: BaseException) -> bool:
    if isinstance(cause, ssl.SSLError):
        return getattr(cause, "reason", None) not in AFTER_HANDSHAKE
    return isinstance(cause, NewConnectionError | NameResolutionError | ConnectTimeoutError)


def _causes(error: BaseException) -> list[BaseException]:
    """Return the error and all errors it wraps, whichever way the libraries below chain them."""
    causes: list[BaseException] = [error]
    for cause in causes:
        wrapped = [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
        causes += [inner for inner in wrapped if isinstance(inner, BaseException) and inner not in causes]
    return causes
