"""What the invitation's page asks for."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class InvitationJoinForm(forms.Form):
    """The code as people type it; what counts as one, sms.codes says."""

    code = forms.CharField(
        label=_("Code"), max_length=64, error_messages={"required": _("Enter the six digits from the SMS.")}
    )
