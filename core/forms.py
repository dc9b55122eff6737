"""What every form can do."""

from __future__ import annotations

from django import forms


def show_only(form: forms.BaseForm) -> None:
    """For who may read what stands in it and not change it."""
    for field in form.fields.values():
        field.disabled = True
