"""Functions for any form."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django import forms

P = ParamSpec("P")
T = TypeVar("T")


def call_action(form: forms.BaseForm, action: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Return what the action returns; None, with its errors added to the form, if it raises ValidationError."""
    try:
        return action(*args, **kwargs)
    except forms.ValidationError as error:
        form.add_error(None, error)
    return None


def make_read_only(form: forms.BaseForm) -> None:
    """Disable every field, for users who may view the values but not change them."""
    for field in form.fields.values():
        field.disabled = True
