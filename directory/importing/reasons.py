"""Why a row was refused, kept so that each reader is told in their own language.

Rows are judged in no language: `gettext` then answers with the English text itself, which is the key of every
translation. It is kept with the values it names, apart, and only put together when shown. A value may be such a text
too (a status), then it is kept as {"text": …}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext

from sms.phones import PhoneRefused

Problem = dict[str, Any]
Words = tuple[str, Mapping[str, Any]]


def problem_of(column: str, text: str, params: Mapping[str, Any] | None = None, rows: Sequence[int] = ()) -> Problem:
    """As a row keeps it: {"column", "text", "params"?, "rows"?}."""
    problem: Problem = {"column": column, "text": str(text)}
    if params:
        problem["params"] = {name: _as_kept(value) for name, value in params.items()}
    return problem | ({"rows": list(rows)} if rows else {})


def problems_of(column: str, refused: ValidationError | PhoneRefused) -> list[Problem]:
    if isinstance(refused, PhoneRefused):
        return [problem_of(column, refused.text, refused.params)]
    return [problem_of(column, str(one.message), one.params) for one in refused.error_list]


def say(problem: Problem) -> str:
    """In the language that is active."""
    english, params = problem["text"], problem.get("params")
    text = gettext(english) if english else ""
    return text % {name: _as_said(value) for name, value in params.items()} if params else text


def _as_kept(value: Any) -> Any:
    return {"text": str(value)} if isinstance(value, Promise) else value


def _as_said(value: Any) -> Any:
    english = value["text"] if isinstance(value, dict) else ""
    return gettext(english) if english else value
