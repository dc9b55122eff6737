"""Why a row was refused, as it is stored (core.translatable): rows are checked without an active language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from core.translatable import TranslatableText
from sms.phones import PhoneRefused

Problem = dict[str, Any]
Words = tuple[str, Mapping[str, Any]]


def problem_of(column: str, text: str, params: Mapping[str, Any] | None = None, rows: Sequence[int] = ()) -> Problem:
    """As a row keeps it: {"column", "text", "params"?, "rows"?}."""
    problem: Problem = {"column": column, **TranslatableText(text, params).serialize()}
    return problem | ({"rows": list(rows)} if rows else {})


def problems_of(column: str, refused: ValidationError | PhoneRefused) -> list[Problem]:
    if isinstance(refused, PhoneRefused):
        return [problem_of(column, refused.text, refused.params)]
    return [problem_of(column, str(one.message), one.params) for one in refused.error_list]
