"""Functions for any form."""

from __future__ import annotations

from django import forms


def make_read_only(form: forms.BaseForm) -> None:
    """Disable every field, for users who may view the values but not change them."""
    for field in form.fields.values():
        field.disabled = True
