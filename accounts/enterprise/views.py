"""The enterprise's own settings."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import console_page, fresh_action
from accounts.enterprise.actions import edit_enterprise
from accounts.enterprise.forms import SettingsForm
from accounts.permissions import Permission, may
from accounts.requests import ConsoleRequest
from core.forms import make_read_only
from core.responses import see_other, unprocessable


@console_page(Permission.READ_SETTINGS, to_change=Permission.MANAGE_SETTINGS)
@fresh_action
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: ConsoleRequest) -> HttpResponse:
    may_edit = may(request.role, Permission.MANAGE_SETTINGS)
    context = {"since": request.enterprise.code_rule_since, "may_edit": may_edit}
    if request.method != "POST":
        form = SettingsForm(instance=request.enterprise)
        if not may_edit:
            make_read_only(form)
        return render(request, "accounts/settings.html", context | {"form": form})
    form = SettingsForm(request.POST)
    if not form.is_valid():
        return unprocessable(request, "accounts/settings.html", context | {"form": form})
    edit_enterprise(request.enterprise, by=request.actor, **form.cleaned_data)
    messages.success(request, _("Settings saved."))
    return see_other("accounts:settings")
