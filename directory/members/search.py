"""Find members by what an administrator types: name, pinyin, initials, account, address, phone and its tail.

A search is a few `Way`s, the likeliest first, each a range of one index in that index's own order. Results come way
after way, so that no search ever sorts: at a million members each page reads the rows it shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Exists, Expression, F, Func, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat, Left, Lower
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThan

from accounts.models import Enterprise
from directory.members.search_keys import plain, reverse_phone
from directory.models import Address, Reading
from directory.models.lookups import LAST_SIGN, begins
from sms.phones import PhoneRefused, parse_phone

TEXT_MAX = 100


@dataclass(frozen=True)
class Way:
    """One way to be found, and the key in whose order (then by id) it lists. `known` says the same as `found`, in the
    form that is cheap to ask of a single row."""

    found: Q
    key: Expression | F
    known: Q | None = None


EVERYONE = Way(Q(), F("pinyin"))


class HasCharacters(Func):
    """PostgreSQL: the name has each sign of the text; an index of single signs serves it, where trigrams can't."""

    output_field = BooleanField()

    def __init__(self, field: str, text: str) -> None:
        super().__init__(F(field), Value(text))

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        (name, of_name), (text, of_text) = map(compiler.compile, self.source_expressions)
        return f"string_to_array({name}, NULL) @> string_to_array({text}, NULL)", (*of_name, *of_text)


def ways_to(text: str, *, enterprise: Enterprise, sees_phones: bool) -> list[Way]:
    """The likeliest first. Who may not see phones finds one by the whole number only: else they could be guessed
    digit by digit."""
    typed = plain(text[:TEXT_MAX])
    if not typed:
        return [EVERYONE]
    if not typed.isascii():
        return _ways_by_name(typed)
    letters = re.sub(r"\s", "", typed)
    return [*_ways_by_phone(letters, enterprise.region, sees_phones), *_ways_by_letters(letters, enterprise)]


def any_of(ways: list[Way]) -> Q:
    """All who are found, in no order: for actions on all that match."""
    return reduce(or_, (way.found for way in ways))


def by_name(text: str, prefix: str = "") -> Q:
    """Return the condition that a name contains `text`, or that its pinyin or initials begin with it.

    `prefix`: of the columns, such as "member__".
    """
    typed = plain(text)
    spelt = begins(f"{prefix}pinyin", typed.replace(" ", "")) | begins(f"{prefix}initials", typed)
    return Q(**{f"{prefix}name__icontains": text}) | spelt


def _ways_by_name(typed: str) -> list[Way]:
    """One sign is a surname first; of several all must stand in the name as typed."""
    if len(typed) > 1:
        return [Way(_name_holds(typed), F("pinyin"))]
    return [Way(Q(Exact(Left("name", 1), Value(typed))), F("pinyin")), Way(_name_holds(typed), F("pinyin"))]


def _name_holds(typed: str) -> Q:
    if connection.vendor != "postgresql":
        return Q(name__icontains=typed)
    signs = Q(HasCharacters("name", "".join(sign for sign in typed if not sign.isascii())))
    return signs if len(typed) == 1 else signs & Q(name__icontains=typed)


def _ways_by_phone(typed: str, region: str, sees_phones: bool) -> list[Way]:
    digits = re.sub(r"[\s().-]", "", typed)
    if not re.fullmatch(r"\+?\d+", digits):
        return []
    try:
        phone = parse_phone(digits, region)
    except PhoneRefused:
        phone = ""
    if phone:
        return [Way(Q(phone=phone), F("phone"))]
    if not sees_phones:
        return []
    begun = digits if digits.startswith("+") else f"{'+86' if region == 'CN' else '+'}{digits}"
    return [
        Way(begins("phone", begun), F("phone")),
        Way(begins("phone_reversed", reverse_phone(digits)), F("phone_reversed")),
    ]


def _ways_by_letters(typed: str, enterprise: Enterprise) -> list[Way]:
    account = Lower("account")
    has_account = Q(GreaterThanOrEqual(account, Value(typed))) & Q(LessThan(account, Value(typed + LAST_SIGN)))
    local, at, domain = typed.partition("@")
    has_address = Q(local=local) & begins("domain__name", domain) if at else begins("local", typed)
    is_read = begins("pinyin", typed) | begins("initials", typed)
    return [
        Way(begins("pinyin", typed), F("pinyin")),
        *([Way(begins("initials", typed), F("initials"))] if len(typed) > 1 else []),
        Way(has_account, account),
        # Each domain's addresses stand in one index; the enterprise has few domains.
        _way_by_rows(Address.objects.filter(has_address, domain__in=enterprise.domains.all())),
        _way_by_rows(Reading.objects.filter(is_read, enterprise=enterprise)),
    ]


def _way_by_rows(rows: QuerySet[Any]) -> Way:
    """Found by what stands in a table beside; without members (reserved addresses) a NULL would spoil the set.

    The key is no bare column: else PostgreSQL walks the whole list in its order to look for a few."""
    rows = rows.filter(member__isnull=False)
    key = Concat(F("pinyin"), Value(""))
    return Way(Q(pk__in=rows.values("member")), key, known=Q(Exists(rows.filter(member=OuterRef("pk")))))
