"""Messages that are stored now and shown later, to each reader in their own language.

A worker runs without an active language: `gettext` then returns the English text itself, which is the key of every
translation. The text is stored apart from its parameters, and both are put together when shown. A parameter may be
translatable too (a status); it is stored as {"text": …}.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext

# {"text", "params"?}
SerializedMessage = dict[str, Any]


class TranslatableText(str):
    """A string in the active language that keeps the text and the parameters it was made of."""

    text: str
    params: Mapping[str, Any]

    def __new__(cls, text: str, params: Mapping[str, Any] | None = None) -> Self:
        message = super().__new__(cls, text % params if params else text)
        message.text, message.params = str(text), params or {}
        return message

    def serialize(self) -> SerializedMessage:
        params = {name: _serialized(value) for name, value in self.params.items()}
        return {"text": self.text, "params": params} if params else {"text": self.text}


def messages_of(error: ValidationError) -> list[TranslatableText]:
    """Return the messages of the error in a form that can be stored, unlike `error.messages`."""
    return [
        TranslatableText(str(one.message), one.params)
        for errors in error.update_error_dict({}).values()
        for one in errors
    ]


def render_message(stored: SerializedMessage) -> str:
    """Return a serialized message in the active language."""
    params = {name: _rendered(value) for name, value in stored.get("params", {}).items()}
    text = _translated(stored["text"])
    return text % params if params else text


def render_messages(stored: Iterable[SerializedMessage]) -> str:
    return " ".join(map(render_message, stored))


def _serialized(value: Any) -> Any:
    return {"text": str(value)} if isinstance(value, Promise) else value


def _rendered(value: Any) -> Any:
    return _translated(value["text"]) if isinstance(value, dict) else value


def _translated(text: str) -> str:
    return gettext(text) if text else ""
