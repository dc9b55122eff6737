"""Find members by name, pinyin, initials, account, address, phone, or the last digits of a phone.

A search is a few strategies, the likeliest first, each a range of one index in the order of that index. Results come
strategy by strategy, so that no search sorts: at a million members each page reads only the rows it shows.
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
from directory.members.search_keys import fold_name, plain, reverse_phone
from directory.models import Address, Reading
from directory.models.lookups import LAST_CHARACTER, begins
from sms.phones import PhoneRefused, parse_phone

TEXT_MAX = 100


@dataclass(frozen=True)
class SearchStrategy:
    """A condition, and the key by which its results are ordered (then by id).

    `known` is equivalent to `found`, in a form that is cheap to evaluate for a single row.
    """

    found: Q
    key: Expression | F
    known: Q | None = None


EVERYONE = SearchStrategy(Q(), F("pinyin"))


class HasCharacters(Func):
    """PostgreSQL: the field has each character of the text, by an index of characters; trigrams need three of them."""

    output_field = BooleanField()

    def __init__(self, field: str, text: str) -> None:
        super().__init__(F(field), Value(text))

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        (name, of_name), (text, of_text) = map(compiler.compile, self.source_expressions)
        return f"string_to_array({name}, NULL) @> string_to_array({text}, NULL)", (*of_name, *of_text)


def strategies_for(text: str, *, enterprise: Enterprise, sees_phones: bool) -> list[SearchStrategy]:
    """Return the strategies for a text, the likeliest first.

    Without `sees_phones` only a whole number finds a phone: parts would let a reader guess it digit by digit.
    """
    typed, name = plain(text[:TEXT_MAX]), fold_name(text[:TEXT_MAX])
    if not typed:
        return [EVERYONE]
    if not name.isascii():
        return _strategies_by_name(name)
    letters = re.sub(r"\s", "", typed)
    by_phone = _strategies_by_phone(letters, enterprise.region, sees_phones)
    return [*by_phone, *_strategies_by_letters(name, letters, enterprise)]


def any_of(strategies: list[SearchStrategy]) -> Q:
    """Return the condition of all results, for actions on everything that matches."""
    return reduce(or_, (strategy.found for strategy in strategies))


def by_name(text: str, prefix: str = "") -> Q:
    """Return the condition that a name contains `text`, or that its pinyin or initials begin with it.

    `prefix`: of the columns, such as "member__".
    """
    name = fold_name(text)
    spelt = begins(f"{prefix}pinyin", name) | begins(f"{prefix}initials", name)
    return Q(**{f"{prefix}folded_name__contains": name}) | spelt


def _strategies_by_name(name: str) -> list[SearchStrategy]:
    """A single character finds surnames first; several must be in the name as typed."""
    if len(name) > 1:
        return [SearchStrategy(_name_holds(name), F("pinyin"))]
    return [
        SearchStrategy(Q(Exact(Left("folded_name", 1), Value(name))), F("pinyin")),
        SearchStrategy(_name_holds(name), F("pinyin")),
    ]


def _name_holds(name: str) -> Q:
    if connection.vendor != "postgresql":
        return Q(folded_name__contains=name)
    characters = Q(HasCharacters("folded_name", "".join(char for char in name if not char.isascii())))
    return characters if len(name) == 1 else characters & Q(folded_name__contains=name)


def _strategies_by_phone(typed: str, region: str, sees_phones: bool) -> list[SearchStrategy]:
    digits = re.sub(r"[\s().-]", "", typed)
    if not re.fullmatch(r"\+?\d+", digits):
        return []
    try:
        phone = parse_phone(digits, region)
    except PhoneRefused:
        phone = ""
    if phone:
        return [SearchStrategy(Q(phone=phone), F("phone"))]
    if not sees_phones:
        return []
    begun = digits if digits.startswith("+") else f"{'+86' if region == 'CN' else '+'}{digits}"
    return [
        SearchStrategy(begins("phone", begun), F("phone")),
        SearchStrategy(begins("phone_reversed", reverse_phone(digits)), F("phone_reversed")),
    ]


def _strategies_by_letters(name: str, typed: str, enterprise: Enterprise) -> list[SearchStrategy]:
    """Names are compared folded, accounts and addresses as typed."""
    account = Lower("account")
    has_account = Q(GreaterThanOrEqual(account, Value(typed))) & Q(LessThan(account, Value(typed + LAST_CHARACTER)))
    local, at, domain = typed.partition("@")
    has_address = Q(local=local) & begins("domain__name", domain) if at else begins("local", typed)
    is_read = begins("pinyin", name) | begins("initials", name)
    return [
        SearchStrategy(begins("pinyin", name), F("pinyin")),
        *([SearchStrategy(begins("initials", name), F("initials"))] if len(name) > 1 else []),
        SearchStrategy(has_account, account),
        # The index begins with the domain; an enterprise has few of them.
        _strategy_by_rows(Address.objects.filter(has_address, domain__in=enterprise.domains.all())),
        _strategy_by_rows(Reading.objects.filter(is_read, enterprise=enterprise)),
    ]


def _strategy_by_rows(rows: QuerySet[Any]) -> SearchStrategy:
    """Return the strategy that finds members by rows of another table.

    The key is not a bare column: PostgreSQL would walk the whole list in its order to find a few.
    """
    # A NULL member (of a reserved address) would make NOT IN match nothing.
    rows = rows.filter(member__isnull=False)
    key = Concat(F("pinyin"), Value(""))
    return SearchStrategy(Q(pk__in=rows.values("member")), key, known=Q(Exists(rows.filter(member=OuterRef("pk")))))
