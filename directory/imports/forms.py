"""The form that uploads a workbook."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.audit.recording import Actor
from accounts.models import Role
from accounts.permissions import Permission, may
from directory.departments.picker import PickingForm, offer_departments
from directory.imports.reading.reader import WorkbookRefused
from directory.imports.upload import start_import
from directory.models import Import


class ImportNewForm(PickingForm):
    file = forms.FileField(
        label=_("Workbook"),
        allow_empty_file=True,
        error_messages={"required": _("Choose a file.")},
        widget=forms.FileInput(attrs={"accept": ".xlsx,.csv"}),
        help_text=_(".xlsx or .csv, up to 40 MB and 200,000 rows."),
    )
    department = forms.TypedChoiceField(
        label=_("Import into department"), coerce=int, help_text=_("Department paths in the file start below this one.")
    )
    mode = forms.ChoiceField(
        label=_("Existing members"),
        choices=[("create", _("Skip and report rows that differ")), ("update", _("Update them from the file"))],
        widget=forms.RadioSelect,
        initial=Import.Mode.CREATE,
    )
    create_departments = forms.BooleanField(label=_("Create missing departments"), required=False)

    def __init__(self, *args: Any, role: Role, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer = offer_departments(role, self.data, "department", chosen=[self.initial.get("department")])
        offer.fill(self)
        self.departments = offer.departments
        top = min(self.departments.values(), key=lambda one: (one.depth, one.pk), default=None)
        self.initial.setdefault("department", top and top.pk)
        if not may(role, Permission.MANAGE_DEPARTMENTS):
            del self.fields["create_departments"]

    def refuse_too_large(self) -> None:
        """Show that the file is too large as the only error: fields after the file were not read."""
        self.full_clean()
        self.errors.clear()
        refused = WorkbookRefused("file_too_large")
        self.add_error("file", forms.ValidationError(str(refused), code=refused.code))

    def start(self, *, by: Actor) -> Import | None:
        """Return the import, or None if it was refused; the error is then at the file."""
        chosen = self.cleaned_data
        try:
            return start_import(
                self.departments[chosen["department"]],
                by=by,
                upload=chosen["file"],
                mode=chosen["mode"],
                create_departments=chosen.get("create_departments", False),
                seconds=settings.IMPORT_ANSWER_SECONDS,
            )
        except WorkbookRefused as refused:
            self.add_error("file", forms.ValidationError(str(refused), code=refused.code))
        except forms.ValidationError as error:
            self.add_error("file", error)
        return None
