"""Which events a list asks for, newest first, a page at a time by number.

Each filter is a column with an index of its own that ends with the number. Names lie in `personal`: they are found by
how they begin, which an index serves on PostgreSQL (0006_audit_page); on SQLite an office's log is read through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import BooleanField, F, Func, Max, Min, Q, QuerySet, Value
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.audit_log.vocabulary import VIAS, all_words
from accounts.models import AuditChain, AuditEvent, Enterprise
from core.pagination import count_capped

PAGE_SIZE = 50
COUNTED = 1_000
TEXT_MAX = 100
LAST_SIGN = "\U0010ffff"
# The clocks of two machines may differ: an event may stand before one that was written a little earlier.
CLOCKS = timedelta(minutes=5)


class NameBegins(Func):
    """Whether a name in `personal` begins so, ignoring case."""

    output_field = BooleanField()

    def __init__(self, key: str, text: str) -> None:
        super().__init__(F("personal"), Value(text), Value(text + LAST_SIGN))
        self.key = key

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        (personal, _none), *texts = map(compiler.compile, self.source_expressions)
        is_postgresql = connection.vendor == "postgresql"
        bytes_of = 'lower({}) COLLATE "C"' if is_postgresql else "lower({})"
        name = f"{personal} ->> '{self.key}'" if is_postgresql else f"json_extract({personal}, '$.{self.key}')"
        name, begin, end = (bytes_of.format(sql) for sql in (name, texts[0][0], texts[1][0]))
        return f"({name} >= {begin} AND {name} < {end})", (*texts[0][1], *texts[1][1])


@dataclass(frozen=True)
class AuditQuery:
    """What an address asks for, nonsense left out. `target`: "member.42", one thing; `since`, `until`: whole days in
    the enterprise's zone."""

    enterprise: Enterprise
    text: str = ""
    action: str = ""
    actor: str = ""
    kind: str = ""
    target: str = ""
    via: str = ""
    since: date | None = None
    until: date | None = None

    @classmethod
    def read(cls, enterprise: Enterprise, asked: QueryDict) -> AuditQuery:
        words = all_words()
        actions = {name for named in words.actions.values() for name in named} | set(words.actions)
        return cls(
            enterprise=enterprise,
            text=asked.get("q", "").replace("\0", "").strip()[:TEXT_MAX],
            action=_among(asked.get("action", ""), actions),
            actor=_like(r"\d{1,18}", asked.get("actor", "")),
            kind=_among(asked.get("kind", ""), words.targets),
            target=asked.get("target", "")
            if re.fullmatch(r"[a-z]{1,40}\.[\w-]{1,40}", asked.get("target", ""))
            else "",
            via=_among(asked.get("via", ""), VIAS),
            since=_day(asked.get("since", "")),
            until=_day(asked.get("until", "")),
        )

    @property
    def fields(self) -> dict[str, str]:
        """As the address has them."""
        since = self.since.isoformat() if self.since else ""
        until = self.until.isoformat() if self.until else ""
        fields = {"q": self.text, "action": self.action, "actor": self.actor, "kind": self.kind}
        fields |= {"target": self.target, "via": self.via, "since": since, "until": until}
        return {name: value for name, value in fields.items() if value}

    def url(self, **key: Any) -> str:
        return "?" + urlencode({**self.fields, **key})

    def without(self, **cleared: Any) -> AuditQuery:
        return replace(self, **cleared)

    @cached_property
    def filtered(self) -> QuerySet[AuditEvent]:
        """By everything but the text; in no order."""
        events = AuditEvent.objects.filter(enterprise=self.enterprise)
        if self.action:
            group = all_words().actions.get(self.action)
            events = events.filter(action__in=group) if group else events.filter(action=self.action)
        if self.target:
            kind, _dot, id = self.target.partition(".")
            events = events.filter(target_type=kind, target_id=id)
        equal = {"actor_user_id": self.actor, "target_type": self.kind, "via": self.via}
        events = events.filter(**{column: value for column, value in equal.items() if value})
        return self._within_days(events)

    def ways(self) -> list[Q]:
        """How the text may be found; each is cheap by itself, all in one condition would not be."""
        if not self.text:
            return [Q()]
        exact = [Q(target_id=self.text), Q(request_id=self.text.lower())]
        return [Q(NameBegins("actor", self.text)), Q(NameBegins("target", self.text)), *exact]

    def newest(self, *, below: int | None = None, above: int | None = None, limit: int) -> list[AuditEvent]:
        """At most `limit` events with numbers below, newest first; or above, oldest first."""
        found: dict[int, AuditEvent] = {}
        for way in self.ways():
            events = self.filtered.filter(way)
            events = events.filter(number__lt=below) if below is not None else events
            events = events.filter(number__gt=above) if above is not None else events
            order = "number" if above is not None else "-number"
            found |= {event.number: event for event in events.order_by(order)[:limit]}
        return [found[number] for number in sorted(found, reverse=above is None)[:limit]]

    def walk(self, *, limit: int, chunk: int = 2000) -> Iterator[AuditEvent]:
        """Newest first, at most `limit`."""
        below: int | None = None
        while limit > 0 and (events := self.newest(below=below, limit=min(chunk, limit))):
            yield from events
            below, limit = events[-1].number, limit - len(events)

    @cached_property
    def count(self) -> int:
        """All there are without asking; else counted up to one more than COUNTED."""
        return self._count_capped() if self.fields else self._length

    def count_text(self) -> str:
        if self.fields and self.count > COUNTED:
            return _("More than 1,000 events")
        return ngettext("%(n)s event", "%(n)s events", self.count) % {"n": f"{self.count:,}"}

    def may_exceed(self, limit: int) -> bool:
        """Whether more than `limit` may be found, as far as the count tells."""
        return self._length > limit and (not self.fields or self.count > COUNTED)

    @cached_property
    def _length(self) -> int:
        chain = AuditChain.objects.filter(enterprise=self.enterprise).first()
        return chain.length if chain else 0

    def _count_capped(self) -> int:
        if not self.text:
            return count_capped(self.filtered, COUNTED)
        numbers: set[int] = set()
        for way in self.ways():
            numbers |= set(self.filtered.filter(way).values_list("number", flat=True)[: COUNTED + 1])
        return len(numbers)

    def _within_days(self, events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        """By time and, as a list in order of number can't use that, by the numbers around these days."""
        of_all = AuditEvent.objects.filter(enterprise=self.enterprise)
        if self.since:
            start = _midnight(self.since)
            first = of_all.filter(at__gte=start - CLOCKS).order_by("at").values_list("at", flat=True).first()
            if first is None:
                return events.none()
            near = of_all.filter(at__gte=first, at__lte=first + 2 * CLOCKS).aggregate(number=Min("number"))
            events = events.filter(at__gte=start, number__gte=near["number"])
        if self.until:
            end = _midnight(self.until + timedelta(days=1))
            last = of_all.filter(at__lt=end + CLOCKS).order_by("-at").values_list("at", flat=True).first()
            if last is None:
                return events.none()
            near = of_all.filter(at__lte=last, at__gte=last - 2 * CLOCKS).aggregate(number=Max("number"))
            events = events.filter(at__lt=end, number__lte=near["number"])
        return events


@dataclass(frozen=True)
class AuditPage:
    """`page`: for the pagination component."""

    events: list[AuditEvent]
    count_text: str
    previous_url: str
    next_url: str


def read_page(query: AuditQuery, asked: QueryDict) -> AuditPage:
    """The page that the address asks for by `before` or `after`, which are numbers."""
    below, above = _number(asked.get("before", "")), _number(asked.get("after", ""))
    if above is not None:
        events = query.newest(above=above, limit=PAGE_SIZE + 1)
        has_newer, has_older = len(events) > PAGE_SIZE, True
        events = events[:PAGE_SIZE][::-1]
    else:
        events = query.newest(below=below, limit=PAGE_SIZE + 1)
        has_newer, has_older = below is not None, len(events) > PAGE_SIZE
        events = events[:PAGE_SIZE]
    return AuditPage(
        events=events,
        count_text=query.count_text(),
        previous_url=query.url(after=events[0].number) if events and has_newer else "",
        next_url=query.url(before=events[-1].number) if events and has_older else "",
    )


def _among(text: str, known: Any) -> str:
    return text if text in known else ""


def _like(pattern: str, text: str) -> str:
    return text if re.fullmatch(pattern, text, re.ASCII) else ""


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,18}", text, re.ASCII) else None


def _day(text: str) -> date | None:
    try:
        day = parse_date(text)
    except ValueError:
        return None
    return day if day and 1970 <= day.year < 9999 else None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, datetime.min.time()))
