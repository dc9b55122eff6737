"""Named links in the console."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import console_page, fresh_action
from accounts.permissions import Permission, may
from accounts.requests import ConsoleRequest
from core.qr_images import PNG_SIZES
from core.responses import post_only, see_other, unprocessable
from directory.departments.tree import paths_of
from invitations.access import get_named_link
from invitations.links.actions import LinkStatus, url_of
from invitations.links.forms import LinkForm
from invitations.links.list import LinkQuery, row_of, rows_of
from invitations.links.named import last_day_of, revoke_link
from invitations.links.settings import is_approval_required, landing_department, landing_domain, rules_of
from invitations.links.settings_views import png_response, svg_response
from invitations.models import JoinLink

SHOWN_MAX = 10


@console_page(Permission.READ_SETTINGS)
@require_safe
def link_list(request: ConsoleRequest) -> HttpResponse:
    query = LinkQuery(request.GET, request.role)
    rows, pages = rows_of(query)
    context = {
        "query": query,
        "tabs": query.state_tabs(),
        "rows": rows,
        "pages": pages,
        "enterprise": request.enterprise,
        "may_edit": may(request.role, Permission.MANAGE_SETTINGS),
    }
    return render(request, "invitations/link_list.html", context)


@console_page(Permission.MANAGE_SETTINGS)
@fresh_action
@require_http_methods(["GET", "HEAD", "POST"])
def link_new(request: ConsoleRequest) -> HttpResponse:
    form = LinkForm(request.POST if request.method == "POST" else None, role=request.role)
    if not form.is_bound:
        return render(request, "invitations/link_new.html", {"form": form})
    link = form.create(by=request.actor) if form.is_valid() else None
    if link is None:
        return unprocessable(request, "invitations/link_new.html", {"form": form})
    messages.success(request, _("The link “%(name)s” is ready to share.") % {"name": link.name})
    return see_other("invitations:link_detail", id=link.pk)


@console_page(Permission.READ_SETTINGS)
@require_safe
def link_detail(request: ConsoleRequest, id: int) -> HttpResponse:
    link = get_named_link(request, id)
    row = row_of(link)
    context: dict[str, Any] = {
        "link": link,
        "row": row,
        "may_edit": may(request.role, Permission.MANAGE_SETTINGS),
        "is_over": row.status == LinkStatus.REVOKED,
        "url": url_of(link),
        "sizes": PNG_SIZES,
        "enterprise": request.enterprise,
        "last_day": last_day_of(link),
        "applications": link.applications.select_related("domain").order_by("-pk")[:SHOWN_MAX],
        **_landing(link),
    }
    return render(request, "invitations/link_detail.html", context)


@console_page(Permission.MANAGE_SETTINGS)
@fresh_action
@require_http_methods(["GET", "HEAD", "POST"])
def link_edit(request: ConsoleRequest, id: int) -> HttpResponse:
    link = get_named_link(request, id)
    if link.revoked_at:
        messages.info(request, _("A revoked link can't be changed."))
        return see_other("invitations:link_detail", id=id)
    form = LinkForm(request.POST if request.method == "POST" else None, role=request.role, link=link)
    if not form.is_bound:
        return render(request, "invitations/link_edit.html", {"form": form, "link": link})
    if not form.is_valid() or not form.edit(by=request.actor):
        return unprocessable(request, "invitations/link_edit.html", {"form": form, "link": get_named_link(request, id)})
    messages.success(request, _("Saved."))
    return see_other("invitations:link_detail", id=id)


@console_page(Permission.MANAGE_SETTINGS)
@post_only("invitations:link_detail")
def link_revoke(request: ConsoleRequest, id: int) -> HttpResponse:
    link = get_named_link(request, id)
    revoke_link(link, by=request.actor)
    messages.success(request, _("The link “%(name)s” no longer works.") % {"name": link.name})
    return see_other("invitations:link_detail", id=id)


@console_page(Permission.MANAGE_SETTINGS)
@require_safe
def link_qr_svg(request: ConsoleRequest, id: int) -> HttpResponse:
    return svg_response(_url(request, id))


@console_page(Permission.MANAGE_SETTINGS)
@require_safe
def link_qr_png(request: ConsoleRequest, id: int) -> HttpResponse:
    return png_response(_url(request, id), request.GET.get("size", "399"))


@console_page(Permission.MANAGE_SETTINGS)
@require_safe
def link_poster(request: ConsoleRequest, id: int) -> HttpResponse:
    link = get_named_link(request, id)
    context = {"link": link, "url": _url(request, id), "enterprise": request.enterprise, "last_day": last_day_of(link)}
    return render(request, "invitations/link_poster.html", context)


def _landing(link: JoinLink) -> dict[str, Any]:
    """Return where people who join by the link are placed, and which of it the settings decide."""
    rules = rules_of(link.enterprise)
    department = landing_department(link, rules)
    return {
        "path": "".join(paths_of([department]).values()),
        "domain": landing_domain(link, rules),
        "is_approved_first": is_approval_required(link, rules),
    }


def _url(request: ConsoleRequest, id: int) -> str:
    """Return the link's address. Raises Http404 if it was revoked."""
    link = get_named_link(request, id)
    url = "" if link.revoked_at else url_of(link)
    if not url:
        raise Http404
    return url
