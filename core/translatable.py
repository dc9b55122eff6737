"""Why something was refused, kept so that each reader is told in their own language.

A worker refuses in no language: `gettext` then answers with the English text itself, which is the key of every
translation. It is kept with the values it names, apart, and only put together when shown. A value may be such a text
too (a status), then it is kept as {"text": …}.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext

# {"text", "params"?}
Kept = dict[str, Any]


class Told(str):
    """Words in the language that was active, which still know what they were made of."""

    text: str
    params: Mapping[str, Any]


def tell(text: str, params: Mapping[str, Any]) -> Told:
    words = Told(text % params)
    words.text, words.params = text, params
    return words


def words_of(refused: ValidationError) -> list[str]:
    """As `messages`, but that they can be kept."""
    return [tell(str(one.message), one.params) if one.params else str(one.message) for one in refused.error_list]


def keep(words: str) -> Kept:
    return keep_apart(words.text, words.params) if isinstance(words, Told) else keep_apart(words)


def keep_apart(text: str, params: Mapping[str, Any] | None = None) -> Kept:
    kept: Kept = {"text": str(text)}
    return kept | {"params": {name: _as_kept(value) for name, value in params.items()}} if params else kept


def say(kept: Kept) -> str:
    """In the language that is active."""
    english, params = kept["text"], kept.get("params")
    text = gettext(english) if english else ""
    return text % {name: _as_said(value) for name, value in params.items()} if params else text


def say_all(kept: Iterable[Kept]) -> str:
    return " ".join(map(say, kept))


def _as_kept(value: Any) -> Any:
    return {"text": str(value)} if isinstance(value, Promise) else value


def _as_said(value: Any) -> Any:
    english = value["text"] if isinstance(value, dict) else ""
    return gettext(english) if english else value
