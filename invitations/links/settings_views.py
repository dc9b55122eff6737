"""The joining settings, and the default link with its QR code."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import console_page, fresh_action
from accounts.permissions import Permission, may
from accounts.requests import ConsoleRequest
from core.forms import make_read_only
from core.qr_images import PNG_SIZES, draw_png, draw_svg
from core.responses import post_only, see_other, unprocessable
from invitations.links.actions import default_link, reset_link, url_of
from invitations.links.settings import edit_rules, rules_of
from invitations.links.settings_forms import JoiningForm


@console_page(Permission.READ_SETTINGS, to_change=Permission.MANAGE_SETTINGS)
@fresh_action
@require_http_methods(["GET", "HEAD", "POST"])
def joining(request: ConsoleRequest) -> HttpResponse:
    typed = request.POST if request.method == "POST" else None
    rules = rules_of(request.enterprise)
    form = JoiningForm(typed, enterprise=request.enterprise, role=request.role, rules=rules)
    link = default_link(request.enterprise)
    context = {"form": form, "link": link, "url": url_of(link), "sizes": PNG_SIZES}
    context["may_edit"] = may_edit = may(request.role, Permission.MANAGE_SETTINGS)
    if typed is None:
        if not may_edit:
            make_read_only(form)
        return render(request, "invitations/joining.html", context)
    if not form.is_valid():
        return unprocessable(request, "invitations/joining.html", context)
    edit_rules(request.enterprise, by=request.actor, **form.rules())
    messages.success(request, _("Saved."))
    return see_other("invitations:joining")


@console_page(Permission.MANAGE_SETTINGS)
@fresh_action
@post_only("invitations:joining")
def joining_reset(request: ConsoleRequest) -> HttpResponse:
    reset_link(request.enterprise, by=request.actor)
    messages.success(request, _("A new link was created. The previous one no longer works."))
    return see_other("invitations:joining")


@console_page(Permission.MANAGE_SETTINGS)
@require_safe
def joining_qr_svg(request: ConsoleRequest) -> HttpResponse:
    return svg_response(_url(request))


@console_page(Permission.MANAGE_SETTINGS)
@require_safe
def joining_qr_png(request: ConsoleRequest) -> HttpResponse:
    return png_response(_url(request), request.GET.get("size", "399"))


@console_page(Permission.MANAGE_SETTINGS)
@require_safe
def joining_poster(request: ConsoleRequest) -> HttpResponse:
    """Show a page to print and put up."""
    return render(request, "invitations/joining_poster.html", {"url": _url(request), "enterprise": request.enterprise})


def svg_response(url: str) -> HttpResponse:
    return HttpResponse(draw_svg(url), content_type="image/svg+xml")


def png_response(url: str, size: str) -> HttpResponse:
    """Return the QR code for download. Raises Http404 unless `size` is one of PNG_SIZES."""
    if size not in map(str, PNG_SIZES):
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="join-{size}.png"'}
    return HttpResponse(draw_png(url, int(size)), content_type="image/png", headers=headers)


def _url(request: ConsoleRequest) -> str:
    url = url_of(default_link(request.enterprise))
    if not url:
        raise Http404
    return url
