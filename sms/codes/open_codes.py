"""Open codes: asked for at the anonymous door within SMS_WINDOW_SECONDS and not entered (docs/limits.md, L6 and L7).

People enter their codes within a minute and floods never do. So a block may have few open codes at first, and more for
each number that entered a code from there; 800 people behind one address get through. Listed numbers, unlisted ones and
decoys count alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from core.counters import free_at
from sms.codes.alarms import current_window, raise_alarm
from sms.codes.limits import DAY, refuse_until
from sms.codes.proof_of_work import Demand, demand_until
from sms.models import Alarm, Door, PhoneCode


@dataclass(frozen=True)
class OpenCodes:
    """The times of open codes of one origin, newest first, and how many numbers entered a code from there in a day."""

    times: list[datetime]
    entered: int

    @property
    def earned(self) -> int:
        return settings.SMS_OPEN_CODES_EARNED * self.entered

    def free_at(self, most: int) -> datetime:
        """Return when there are less than `most`, if none is entered."""
        return free_at(self.times, most, settings.SMS_WINDOW_SECONDS)

    def refuse_beyond(self, most: int) -> None:
        """Raise CodeLimited if there are `most`."""
        refuse_until(self.free_at(most), _("Too many codes were requested from this network. Try again later."))


def codes_of_block(code: PhoneCode) -> OpenCodes:
    """Return the open codes of the block that asks. The caller holds the lock of the block."""
    return _open_codes(code, Q(address_block=code.address_block))


def demand_of_block(codes: OpenCodes) -> Demand | None:
    """Return the work for one more code from this block (L6). Raise CodeLimited beyond."""
    codes.refuse_beyond(settings.SMS_OPEN_CODES_WITH_WORK)
    free = min(settings.SMS_OPEN_CODES_FREE + codes.earned, settings.SMS_OPEN_CODES_FREE_MOST)
    return demand_until(codes.free_at(free))


def demand_of_row(code: PhoneCode) -> Demand | None:
    """Return the work for one more code to numbers in a row with this one (L7). Raise CodeLimited beyond.

    The last free code raises the alarm, because a refusal would roll it back.
    """
    here = Q(address_block=code.address_block) | Q(browser=code.browser)
    codes = _open_codes(code, here & Q(phone__startswith=code.phone[:-4]))
    free = settings.SMS_ROW_CODES_FREE + codes.earned
    codes.refuse_beyond(settings.SMS_ROW_CODES_WITH_WORK + codes.earned)
    if len(codes.times) == free - 1:
        raise_alarm(Alarm.Kind.ROW, window=current_window(settings.SMS_WINDOW_SECONDS))
    return demand_until(codes.free_at(free))


def _open_codes(code: PhoneCode, origin: Q) -> OpenCodes:
    window = timedelta(seconds=settings.SMS_WINDOW_SECONDS)
    asked: QuerySet[PhoneCode] = PhoneCode.objects.filter(origin, door=Door.ANONYMOUS)
    still_open = asked.filter(consumed_at=None, created_at__gt=code.created_at - window).order_by("-created_at")
    entered = asked.filter(consumed_at__gt=code.created_at - DAY).values("phone").distinct()
    return OpenCodes(list(still_open.values_list("created_at", flat=True)), entered.count())
