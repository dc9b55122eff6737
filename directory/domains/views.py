"""Mail domains in the console."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import console_page, fresh_page
from accounts.permissions import Permission, may
from accounts.requests import ConsoleRequest
from core.responses import see_other, unprocessable
from directory.access import get_domain
from directory.domains.forms import DomainEditForm, DomainNewForm


@console_page(Permission.READ_SETTINGS)
@require_safe
def domain_list(request: ConsoleRequest) -> HttpResponse:
    """List the domains with their number of mailboxes."""
    mailboxes = Count("addresses", filter=Q(addresses__purpose="primary"))
    domains = request.enterprise.domains.annotate(mailboxes=mailboxes).order_by("-is_default", "name")
    may_edit = may(request.role, Permission.MANAGE_SETTINGS)
    return render(request, "directory/domain_list.html", {"domains": domains, "may_edit": may_edit})


@console_page(Permission.MANAGE_SETTINGS)
@fresh_page
@require_http_methods(["GET", "HEAD", "POST"])
def domain_new(request: ConsoleRequest) -> HttpResponse:
    form = DomainNewForm(request.POST if request.method == "POST" else None)
    if not form.is_bound:
        return render(request, "directory/domain_new.html", {"form": form})
    domain = form.create(request.enterprise, by=request.actor) if form.is_valid() else None
    if domain is None:
        return unprocessable(request, "directory/domain_new.html", {"form": form})
    messages.success(request, _("%(name)s is ready to use for addresses.") % {"name": domain.name})
    return see_other("directory:domain_list")


@console_page(Permission.MANAGE_SETTINGS)
@fresh_page
@require_http_methods(["GET", "HEAD", "POST"])
def domain_edit(request: ConsoleRequest, id: int) -> HttpResponse:
    domain = get_domain(request, id)
    facts = {field: getattr(domain, field) for field in ("webmail_url", "imap", "smtp", "is_default")}
    form = DomainEditForm(request.POST if request.method == "POST" else None, initial=facts)
    if not form.is_bound:
        return render(request, "directory/domain_edit.html", {"form": form, "domain": domain})
    if not form.is_valid() or not form.edit(domain, by=request.actor):
        return unprocessable(request, "directory/domain_edit.html", {"form": form, "domain": domain})
    messages.success(request, _("Saved."))
    return see_other("directory:domain_list")
