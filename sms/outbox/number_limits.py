"""The carriers' caps on codes per phone number, kept when codes are handed to the gateway (docs/limits.md, L4).

The doors at which codes are asked for don't know of each other, so that only here all codes to a number meet. A code
beyond a cap waits until there is room, or expires unsent if that is too late; the page that asked shows no difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext_noop as _

from core.counters import all_free_at
from core.locks import advisory_lock
from sms.models import Message

State = Message.State
# A code in these states may have reached the carrier.
HANDED_OVER = [State.CLAIMED, State.SENT, State.DELIVERED, State.UNDELIVERED, State.UNKNOWN]
ORDER = ("-is_proven", "id")


def lock_hand_over() -> None:
    """Let no other worker claim codes until the transaction ends. It is short, as nothing is sent in it."""
    advisory_lock("hand over codes")


def hold_back(codes: Sequence[Any]) -> list[Message]:
    """Return the codes, given in ORDER, that may be handed over now; let the others wait, or expire.

    Each is annotated with the database's time as `now`. The caller holds `lock_hand_over` and claims the returned ones
    in the same transaction.
    """
    now = codes[0].now
    times = _hand_overs({code.to for code in codes}, now)
    ready, held = [], []
    for code in codes:
        moment = max(now, all_free_at(times[code.to], settings.SMS_CODES_OF_NUMBER))
        if moment == now:
            ready.append(code)
        else:
            held.append(_held(code, moment, now))
        if code.state != State.EXPIRED:
            times[code.to].insert(0, moment)
    Message.objects.bulk_update(held, ["state", "reason", "encrypted", "next_attempt_at", "settled_at"])
    return ready


def _hand_overs(numbers: Collection[str], now: datetime) -> dict[str, list[datetime]]:
    """Return when codes were handed over to each number within the longest window, newest first."""
    longest = max(seconds for _most, seconds in settings.SMS_CODES_OF_NUMBER)
    # A code that is being sent has no time yet.
    recent = Q(settled_at=None) | Q(settled_at__gt=now - timedelta(seconds=longest))
    rows = Message.objects.filter(recent, kind=Message.Kind.CODE, to__in=numbers, state__in=HANDED_OVER)
    times: dict[str, list[datetime]] = defaultdict(list)
    for number, settled_at in rows.values_list("to", "settled_at"):
        times[number].append(settled_at or now)
    for of_number in times.values():
        of_number.sort(reverse=True)
    return times


def _held(code: Message, moment: datetime, now: datetime) -> Message:
    if code.expires_at and moment >= code.expires_at:
        code.state, code.reason = State.EXPIRED, _("The number has received as many codes as carriers allow.")
        code.encrypted, code.settled_at = "", now
    else:
        code.next_attempt_at = moment
    return code
