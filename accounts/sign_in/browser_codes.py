"""One-time codes as a browser asks for them and types them: bound to it, and counted for where it is."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language

from accounts.clients import address_block, browser_of, client_address
from accounts.models import Enterprise
from sms.codes.actions import check_code, current_code, send_code
from sms.models import PhoneCode


@dataclass(frozen=True)
class BrowserCodes:
    """Those of one purpose, and of one subject where it has any."""

    request: HttpRequest
    purpose: str
    subject: str = ""

    def send(self, phone: str, *, enterprise: Enterprise | None = None, is_listed: bool = True) -> PhoneCode:
        """To `phone` (E.164), or only in appearance (see sms.codes.actions). Raises CodeLimited."""
        return send_code(
            phone=phone,
            purpose=self.purpose,
            subject=self.subject,
            browser=browser_of(self.request),
            enterprise=enterprise,
            is_listed=is_listed,
            address=address_block(client_address(self.request)),
            language=get_language() or settings.LANGUAGE_CODE,
            work=self.request.POST.get("work", ""),
        )

    def sent(self) -> PhoneCode | None:
        """The one this browser last asked for and has not used."""
        return current_code(purpose=self.purpose, browser=browser_of(self.request), subject=self.subject)

    def use(self, text: str) -> PhoneCode:
        """The code that `text` is, used up. Raises CodeRefused and its kinds; never in a transaction."""
        return check_code(text, purpose=self.purpose, browser=browser_of(self.request), subject=self.subject)


def resend_seconds(code: PhoneCode | None) -> int:
    """How long until another one may be asked for; 0: at once."""
    if code is None:
        return 0
    age = (timezone.now() - code.created_at).total_seconds()
    return max(0, ceil(settings.SMS_CODE_RESEND_SECONDS - age))
