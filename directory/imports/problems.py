"""Why a row was refused, as it is stored (core.translatable): rows are checked without an active language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from core.translatable import TranslatableText

# {"column", "text", "params"?, "rows"?}
Problem = dict[str, Any]


def problem_of(column: str, text: str, params: Mapping[str, Any] | None = None, rows: Sequence[int] = ()) -> Problem:
    """Return a problem as a row keeps it; `rows` are the numbers of other rows that it is about."""
    problem: Problem = {"column": column, **TranslatableText(text, params).serialize()}
    return problem | ({"rows": list(rows)} if rows else {})


def problems_of(column: str, error: ValidationError | str) -> list[Problem]:
    return [problem_of(column, str(one.message), one.params) for one in ValidationError(error).error_list]
