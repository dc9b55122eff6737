"""Middleware for request ids, request logging and headers that Django doesn't set."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import resolve
from django.utils.cache import add_never_cache_headers

from exmail_admin.error_pages import plain_error_page

GetResponse = Callable[[HttpRequest], HttpResponse]
log = structlog.get_logger(__name__)

HEALTH_PATHS = {"/healthz", "/readyz"}
QUIET_ROUTES = {"healthz", "readyz", "q/<str:token>/state/"}
NO_FEATURES = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


def request_log(get_response: GetResponse) -> GetResponse:
    """Give each request an id for its log lines and its response, and log it.

    Log the route and not the path, which may contain a token.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        begin = time.perf_counter()
        request.request_id = uuid.uuid4().hex  # type: ignore[attr-defined]
        with structlog.contextvars.bound_contextvars(request_id=request.request_id):  # type: ignore[attr-defined]
            response = get_response(request)
            response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
            if not is_quiet(request, response):
                log.info(
                    "request",
                    method=request.method,
                    route=route_of(request),
                    status=response.status_code,
                    ms=round((time.perf_counter() - begin) * 1000),
                )
        return response

    return answer


def response_headers(get_response: GetResponse) -> GetResponse:
    """Forbid caching of pages, and access to device features."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", NO_FEATURES)
        if not request.path.startswith(settings.STATIC_URL) and "Cache-Control" not in response:
            add_never_cache_headers(response)
        return response

    return answer


def refuse_trace(get_response: GetResponse) -> GetResponse:
    """Refuse TRACE, which would echo cookies."""

    def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponseNotAllowed(["GET", "POST"]) if request.method == "TRACE" else get_response(request)

    return answer


def require_content_length(get_response: GetResponse) -> GetResponse:
    """Refuse a chunked body with 411: without Content-Length Django reads it as empty, so a form's token is missing."""

    def answer(request: HttpRequest) -> HttpResponse:
        is_chunked = "Transfer-Encoding" in request.headers and not request.META.get("CONTENT_LENGTH")
        return plain_error_page(request, "length_required", 411) if is_chunked else get_response(request)

    return answer


def health_checks(get_response: GetResponse) -> GetResponse:
    """Answer health checks before anything reads the session, which needs the database."""

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path_info not in HEALTH_PATHS:
            return get_response(request)
        request.resolver_match = resolve(request.path_info)
        response: HttpResponse = request.resolver_match.func(request)
        return response

    return answer


def route_of(request: HttpRequest) -> str:
    """Return the URL pattern, such as `i/<str:token>/`."""
    return request.resolver_match.route if request.resolver_match else "none"


def is_quiet(request: HttpRequest, response: HttpResponse) -> bool:
    """True for health checks, polling and static files, which would dominate the log."""
    if request.path.startswith(settings.STATIC_URL):
        return response.status_code < 500
    return route_of(request) in QUIET_ROUTES
