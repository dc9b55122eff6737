"""The filters of the audit log."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.audit_log.search import AuditQuery
from accounts.audit_log.vocabulary import VIAS, all_words
from accounts.models import AuditEvent, Enterprise, Role

ACTORS_MAX = 200


class AuditFilterForm(forms.Form):
    """Draw the filters; AuditQuery reads them."""

    action = forms.ChoiceField(label=_("Action"), required=False)
    actor = forms.ChoiceField(label=_("Performed by"), required=False)
    kind = forms.ChoiceField(label=_("Type"), required=False)
    via = forms.ChoiceField(label=_("Source"), required=False, choices=[("", _("All sources")), *VIAS.items()])
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, query: AuditQuery) -> None:
        super().__init__(query.fields)
        words = all_words()
        # The template writes the options: a widget takes as long for sixty of them as the whole list does.
        self.actions = [
            (words.groups[group], [(group, _("%(group)s (all)") % {"group": words.groups[group]}), *named.items()])
            for group, named in words.actions.items()
        ]
        kinds = [(kind, target.label) for kind, target in words.targets.items()]
        self.fields["kind"].choices = [("", _("All types")), *kinds]  # type: ignore[attr-defined]
        self.fields["actor"].choices = [("", _("Everyone")), *_actors(query)]  # type: ignore[attr-defined]


def _actors(query: AuditQuery) -> list[tuple[int, str]]:
    """Return the present administrators, and the actor that the query names if the log of this enterprise has one."""
    roles = Role.objects.filter(enterprise=query.enterprise).select_related("user").order_by("pk")[:ACTORS_MAX]
    actors = {role.user_id: str(role.user) for role in roles}
    if query.actor and int(query.actor) not in actors:
        actors[int(query.actor)] = _last_name(query.enterprise, int(query.actor))
    return list(actors.items())


def _last_name(enterprise: Enterprise, actor: int) -> str:
    """Return the actor's name as last recorded here: names of other enterprises' users must not be shown."""
    event = AuditEvent.objects.filter(enterprise=enterprise, actor_user_id=actor).order_by("-number").first()
    return event.personal["actor"] if event and event.personal else str(actor)
