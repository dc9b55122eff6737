"""One-time codes bound to the browser of a request, and limited by its address."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language

from accounts.clients import address_block, browser_secret, client_address
from accounts.models import Enterprise
from accounts.sign_in.known_browsers import is_browser_of_phone
from sms.codes.actions import Asker, check_code, current_code, send_code
from sms.models import Door, PhoneCode


@dataclass(frozen=True)
class BrowserCodes:
    """The codes of one purpose, and of one subject if the purpose has several."""

    request: HttpRequest
    purpose: str
    subject: str = ""

    def send(
        self, phone: str, *, door: Door, enterprise: Enterprise | None = None, is_listed: bool = True
    ) -> PhoneCode:
        """Send a code to `phone` (E.164), or a decoy (sms.codes.actions). Raise CodeLimited."""
        return send_code(
            phone=phone,
            purpose=self.purpose,
            subject=self.subject,
            asker=Asker(
                door,
                browser=browser_secret(self.request),
                address=address_block(client_address(self.request)),
                work=self.request.POST.get("work", ""),
            ),
            enterprise=enterprise,
            is_listed=is_listed,
            language=get_language() or settings.LANGUAGE_CODE,
        )

    def sent(self) -> PhoneCode | None:
        """Return the latest code that this browser requested and has not used."""
        return current_code(purpose=self.purpose, browser=browser_secret(self.request), subject=self.subject)

    def use(self, text: str) -> PhoneCode:
        """Use up and return the code that `text` matches. Raise CodeRefused. Do not call it in a transaction."""
        return check_code(text, purpose=self.purpose, browser=browser_secret(self.request), subject=self.subject)


def door_of(request: HttpRequest, phone: str) -> Door:
    """Return the door by which this browser asks for a code on a page that proves nothing itself."""
    return Door.PROVEN if is_browser_of_phone(phone, browser=browser_secret(request)) else Door.ANONYMOUS


def resend_seconds(code: PhoneCode | None) -> int:
    """Return the seconds until another code may be requested, or 0."""
    if code is None:
        return 0
    age = (timezone.now() - code.created_at).total_seconds()
    return max(0, ceil(settings.SMS_CODE_RESEND_SECONDS - age))
