"""Language, theme and error pages."""

from __future__ import annotations

import re
import sys

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.sign_in.next_page import next_of
from core.downloads import is_disk_full
from core.responses import form_page, post_only, see_other
from exmail_admin.context import THEME_COOKIE, THEMES
from exmail_admin.database_errors import is_unavailable
from exmail_admin.error_pages import plain_error_page

# The reason in django.middleware.csrf: both tokens are well-formed, but differ. Every sign-in replaces the token.
TOKEN_OUTDATED = re.compile(r"CSRF token from .+ incorrect\.")

# When to try again while the database is unavailable: longer than a restart or a failover usually takes.
UNAVAILABLE_SECONDS = 30


@post_only()
def language(request: HttpRequest) -> HttpResponse:
    """Store the language in a cookie, and redirect back."""
    answer = see_other(next_of(request) or "/")
    code = request.POST.get("language", "")
    if code in dict(settings.LANGUAGES):
        keep(answer, settings.LANGUAGE_COOKIE_NAME, code)
    return answer


@post_only()
def theme(request: HttpRequest) -> HttpResponse:
    """Store the theme in a cookie, and redirect back. The page's script has already applied it."""
    answer = see_other(next_of(request) or "/")
    name = request.POST.get("theme", "")
    if name in THEMES:
        keep(answer, THEME_COOKIE, name)
    return answer


def keep(answer: HttpResponse, name: str, value: str) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def error_page(request: HttpRequest, name: str, status: int) -> HttpResponse:
    """Render an error page, in the console's layout for a user with a role."""
    layout = "layouts/console.html" if getattr(request, "role", None) else "layouts/public.html"
    return render(request, f"errors/{name}.html", {"error_layout": layout}, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(request, "bad_request", 400)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Refuse the POST; if its form is only older than the latest sign-in, show the form again."""
    page = form_page(request) or next_of(request)
    is_script = "HX-Request" in request.headers or not request.accepts("text/html")
    if not TOKEN_OUTDATED.fullmatch(reason) or not (page or is_script):
        return error_page(request, "csrf_failure", 403)
    if is_script:
        response = error_page(request, "csrf_failure", 403)
        # htmx reloads the page, and so do our scripts.
        response["HX-Refresh"] = "true"
    elif request.user.is_authenticated and request.path.startswith(reverse("accounts:login")):
        messages.info(request, _("You're already signed in."))
        return see_other(next_of(request) or "/")
    else:
        response = see_other(page)
    messages.warning(request, _("This page was out of date, so nothing was changed. Please try again."))
    return response


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(request, "permission_denied", 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(request, "not_found", 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Respond with 503 and Retry-After if the database is unavailable, 507 if the disk is full, else with 500.

    Render without context processors, which may fail again.
    """
    error = sys.exc_info()[1]
    if is_disk_full(error):
        return plain_error_page(request, "disk_full", 507)
    if not is_unavailable(error):
        return plain_error_page(request, "server_error", 500)
    response = plain_error_page(request, "unavailable", 503)
    response["Retry-After"] = str(UNAVAILABLE_SECONDS)
    return response
