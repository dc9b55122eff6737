"""The events that the audit log's page and its download show, newest first.

Each filter is a column with an index of its own, which ends with the number. Names are in `personal`; they are found by
their beginning, by an index on PostgreSQL (index_names in the first migration). SQLite reads the whole log.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

from django.db.models import BooleanField, F, Func, Max, Min, Q, QuerySet, Value
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import ngettext

from accounts.audit_log.vocabulary import VIAS, all_words
from accounts.models import AuditChain, AuditEvent, Enterprise
from core.list_query import ListQuery
from core.pagination import Key, count_capped, show_count

COUNTED = 1_000
LAST_CHARACTER = "\U0010ffff"
# The clocks of two machines may differ by this much: an event may precede one that was written a little earlier.
CLOCK_DIFFERENCE = timedelta(minutes=5)


class NameBegins(Func):
    """True if a name in `personal` begins with the text, ignoring case."""

    output_field = BooleanField()

    def __init__(self, key: str, text: str) -> None:
        super().__init__(F("personal"), Value(text), Value(text + LAST_CHARACTER))
        self.key = key

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        (personal, _none), *texts = map(compiler.compile, self.source_expressions)
        is_postgresql = connection.vendor == "postgresql"
        lowered = 'lower({}) COLLATE "C"' if is_postgresql else "lower({})"
        name = f"{personal} ->> '{self.key}'" if is_postgresql else f"json_extract({personal}, '$.{self.key}')"
        name, begin, end = (lowered.format(sql) for sql in (name, texts[0][0], texts[1][0]))
        return f"({name} >= {begin} AND {name} < {end})", (*texts[0][1], *texts[1][1])


class AuditQuery(ListQuery):
    """The parameters of the log, and the events that match, keyed by their number.

    `target` is one thing, such as "member.42". `since` and `until` are whole days in the enterprise's time zone.
    """

    text_max = 100
    key_length: ClassVar[int] = 1
    is_newest_first: ClassVar[bool] = True

    def __init__(self, asked: QueryDict, enterprise: Enterprise) -> None:
        super().__init__(asked)
        self.enterprise = enterprise
        words = all_words()
        names = {name for group in words.actions.values() for name in group}
        self.action = self.read_choice("action", {*words.actions, *names})
        self.actor = self.read_pattern("actor", r"\d{1,18}")
        self.kind = self.read_choice("kind", words.targets)
        self.target = self.read_pattern("target", r"[a-z]{1,40}\.[\w-]{1,40}")
        self.via = self.read_choice("via", VIAS)
        self.since = self.read_day("since")
        self.until = self.read_day("until")

    @cached_property
    def filtered(self) -> QuerySet[AuditEvent]:
        """The events that the filters match, whatever the search text; unordered."""
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

    def key_of(self, row: AuditEvent) -> Key:
        return (row.number,)

    def beyond(self, key: Key | None, limit: int, *, is_backward: bool = False) -> list[AuditEvent]:
        """Return at most `limit` events that precede the number in time, newest first, or follow it, oldest first."""
        found: dict[int, AuditEvent] = {}
        for condition in self._searches():
            events = self.filtered.filter(condition)
            if key:
                events = events.filter(**{"number__gt" if is_backward else "number__lt": key[0]})
            order = "number" if is_backward else "-number"
            found |= {event.number: event for event in events.order_by(order)[:limit]}
        return [found[number] for number in sorted(found, reverse=not is_backward)[:limit]]

    def walk(self, *, limit: int, chunk: int = 2000) -> Iterator[AuditEvent]:
        """Yield at most `limit` events, newest first, reading `chunk` at a time."""
        key: Key | None = None
        while limit > 0 and (events := self.beyond(key, min(chunk, limit))):
            yield from events
            key, limit = self.key_of(events[-1]), limit - len(events)

    @cached_property
    def count(self) -> int:
        """The number of events; capped at COUNTED + 1 unless it is the whole log."""
        return self._count_capped() if self.is_filtered else self._length

    def count_text(self) -> str:
        shown = show_count(self.count, COUNTED if self.is_filtered else self.count)
        return ngettext("%(n)s event", "%(n)s events", self.count) % {"n": shown}

    def may_exceed(self, limit: int) -> bool:
        """True if more than `limit` events may match, as far as the count tells."""
        return self._length > limit and (not self.is_filtered or self.count > COUNTED)

    @cached_property
    def _length(self) -> int:
        chain = AuditChain.objects.filter(enterprise=self.enterprise).first()
        return chain.length if chain else 0

    def _count_capped(self) -> int:
        if not self.text:
            return count_capped(self.filtered, COUNTED)
        numbers: set[int] = set()
        for condition in self._searches():
            numbers |= set(self.filtered.filter(condition).values_list("number", flat=True)[: COUNTED + 1])
        return len(numbers)

    def _searches(self) -> list[Q]:
        """Return the conditions by which the text is found. Each has an index; combined by OR they would have none."""
        if not self.text:
            return [Q()]
        exact = [Q(target_id=self.text), Q(request_id=self.text.lower())]
        return [Q(NameBegins("actor", self.text)), Q(NameBegins("target", self.text)), *exact]

    def _within_days(self, events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        """Filter by time and by the numbers around it: a list in order of numbers can't use an index on times."""
        whole_log = AuditEvent.objects.filter(enterprise=self.enterprise)
        if self.since:
            start = _midnight(self.since)
            times = whole_log.filter(at__gte=start - CLOCK_DIFFERENCE).order_by("at").values_list("at", flat=True)
            if (first := times.first()) is None:
                return events.none()
            near = whole_log.filter(at__gte=first, at__lte=first + 2 * CLOCK_DIFFERENCE)
            events = events.filter(at__gte=start, number__gte=near.aggregate(number=Min("number"))["number"])
        if self.until:
            end = _midnight(self.until + timedelta(days=1))
            times = whole_log.filter(at__lt=end + CLOCK_DIFFERENCE).order_by("-at").values_list("at", flat=True)
            if (last := times.first()) is None:
                return events.none()
            near = whole_log.filter(at__lte=last, at__gte=last - 2 * CLOCK_DIFFERENCE)
            events = events.filter(at__lt=end, number__lte=near.aggregate(number=Max("number"))["number"])
        return events


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, datetime.min.time()))
