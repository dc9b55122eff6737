"""The form of a named link."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.audit.recording import Actor
from accounts.models import Role
from directory.departments.picker import PickingForm, offer_departments
from directory.departments.tree import paths_of
from directory.models import Department
from invitations.links.named import LinkInput, add_link, edit_link, last_day_of
from invitations.links.settings import rules_of
from invitations.links.settings_forms import domains_of
from invitations.models import JoinLink

USES_MAX = 1_000_000
DAYS_MAX = 3660
APPROVALS = {"": None, "yes": True, "no": False}


class LinkForm(PickingForm):
    """Days are in the enterprise's time zone, which is the current one in the console."""

    name = forms.CharField(
        label=_("Link name"),
        error_messages={"required": _("Enter the name.")},
        help_text=_("Visible only to administrators, for example “Spring job fair”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    department = forms.ChoiceField(label=_("Department"), required=False)
    domain = forms.ChoiceField(label=_("Mail domain"), required=False)
    approval = forms.ChoiceField(label=_("Approval"), required=False)
    valid_until = forms.DateField(
        label=_("Valid through"),
        required=False,
        help_text=_("Leave empty to keep it valid until revoked."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": _("Enter a date such as 2026-12-31.")},
    )
    uses_max = forms.IntegerField(
        label=_("Maximum uses"),
        required=False,
        min_value=1,
        max_value=USES_MAX,
        help_text=_(
            "Each join request or direct join counts as one use, whatever its outcome. Leave empty for no limit."
        ),
    )

    def __init__(self, typed: Any = None, *, role: Role, link: JoinLink | None = None) -> None:
        self.role, self.link = role, link
        self.domains = domains_of(role.enterprise)
        super().__init__(typed, initial=_initial(link))
        self._offer(typed)
        self.fields["valid_until"].widget.attrs["min"] = timezone.localdate().isoformat()

    def _offer(self, typed: Any) -> None:
        rules = rules_of(self.role.enterprise)
        now = [self.link.department_id if self.link else None, rules.default_department_id]
        offer = offer_departments(self.role, typed, "department", chosen=now)
        self.departments = offer.departments
        root = next((each for each in self.departments.values() if each.parent_id is None), None)
        department = rules.default_department or root
        domain = rules.default_domain or next(iter(self.domains.values()))
        as_settings = gettext("Default (%(now)s)")
        approval = gettext("approval required") if rules.approval_required else gettext("no approval required")
        path = "".join(paths_of([department]).values()) if department else ""
        offer.fill(self, blank={"department": as_settings % {"now": path}})
        choices = {
            "domain": [("", as_settings % {"now": domain.name}), *((name, name) for name in self.domains)],
            "approval": [
                ("", as_settings % {"now": approval}),
                ("yes", gettext("Requires approval")),
                ("no", gettext("Join immediately, without approval")),
            ],
        }
        for field, offered in choices.items():
            self.fields[field].choices = offered  # type: ignore[attr-defined]

    def clean_valid_until(self) -> date | None:
        day: date | None = self.cleaned_data["valid_until"]
        if day and day < timezone.localdate() and day != self.initial["valid_until"]:
            raise forms.ValidationError(gettext("Choose today or a later date."))
        if day and day > timezone.localdate() + timedelta(days=DAYS_MAX):
            raise forms.ValidationError(gettext("Choose a date within the next ten years, or leave this empty."))
        return day

    def create(self, *, by: Actor) -> JoinLink | None:
        """Return the new link; add the errors and return None if it is refused."""
        try:
            return add_link(self.role.enterprise, self._input(), by=by)
        except forms.ValidationError as error:
            self.add_error(None, error)
        return None

    def edit(self, *, by: Actor) -> bool:
        """Save the changes; add the errors and return False if they are refused."""
        assert self.link
        try:
            edit_link(self.link, self._input(), by=by)
        except forms.ValidationError as error:
            self.add_error(None, error)
        return not self.errors

    def _input(self) -> LinkInput:
        typed = self.cleaned_data
        return LinkInput(
            name=typed["name"],
            department=self._department(typed["department"]),
            domain=self.domains[typed["domain"]] if typed["domain"] else None,
            approval_required=APPROVALS[typed["approval"]],
            expires_at=_end_of(typed["valid_until"]) if typed["valid_until"] else None,
            uses_max=typed["uses_max"],
        )

    def _department(self, id: str) -> Department | None:
        return self.departments[int(id)] if id else None


def _initial(link: JoinLink | None) -> dict[str, Any]:
    if link is None:
        day = timezone.localdate() + timedelta(days=settings.JOIN_LINK_DAYS)
        return {"valid_until": day, "uses_max": settings.JOIN_LINK_USES}
    approval = next(value for value, required in APPROVALS.items() if required == link.approval_required)
    return {
        "name": link.name,
        "department": link.department_id or "",
        "domain": link.domain.name if link.domain else "",
        "approval": approval,
        "valid_until": last_day_of(link),
        "uses_max": link.uses_max,
    }


def _end_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))
