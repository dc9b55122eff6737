"""What every form can do."""

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


def show_only(form: forms.BaseForm) -> None:
    """For who may read what stands in it and not change it."""
    for field in form.fields.values():
        field.disabled = True
