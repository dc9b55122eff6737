"""The filters of the audit log."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.audit_log.search import AuditQuery
from accounts.audit_log.vocabulary import VIAS, all_words
from accounts.models import Role

ACTORS_MAX = 200


class AuditFilterForm(forms.Form):
    """Shows a query; reading one is AuditQuery's business."""

    action = forms.ChoiceField(label=_("Action"), required=False)
    actor = forms.ChoiceField(label=_("Done by"), required=False)
    kind = forms.ChoiceField(label=_("Kind"), required=False)
    via = forms.ChoiceField(label=_("By way of"), required=False, choices=[("", _("All ways")), *VIAS.items()])
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, query: AuditQuery) -> None:
        super().__init__(query.fields)
        words = all_words()
        # The page writes these out itself: sixty options by a widget take as long as the whole list.
        self.actions = [
            (words.groups[group], [(group, _("All of: %(group)s") % {"group": words.groups[group]}), *named.items()])
            for group, named in words.actions.items()
        ]
        kinds = [(kind, target.label) for kind, target in words.targets.items()]
        self.fields["kind"].choices = [("", _("All kinds")), *kinds]  # type: ignore[attr-defined]
        self.fields["actor"].choices = [("", _("Everyone")), *_actors(query)]  # type: ignore[attr-defined]


def _actors(query: AuditQuery) -> list[tuple[int, str]]:
    """The administrators of today, and whoever the address names if they belong here."""
    roles = Role.objects.filter(enterprise=query.enterprise).select_related("user").order_by("pk")[:ACTORS_MAX]
    actors = {role.user_id: str(role.user) for role in roles}
    if query.actor and int(query.actor) not in actors:
        actors[int(query.actor)] = _name_of(query)
    return list(actors.items())


def _name_of(query: AuditQuery) -> str:
    """As the log last had it: of other enterprises' people it knows nothing."""
    event = query.without(text="", action="", kind="", target="", via="", since=None, until=None).newest(limit=1)
    return event[0].personal["actor"] if event and event[0].personal else str(query.actor)
