"""What surrounds every request: its id and its line in the log, and the headers Django does not set."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.cache import add_never_cache_headers

GetResponse = Callable[[HttpRequest], HttpResponse]
log = structlog.get_logger(__name__)

QUIET_ROUTES = {"healthz", "readyz", "q/<str:token>/state/"}
NO_FEATURES = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


def request_log(get_response: GetResponse) -> GetResponse:
    """Give each request an id, the same in all its log lines and in its answer, and log it when it is done.

    The line names the route, never the path: a path can hold a token.
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
    """No cache keeps a page of ours, and no page reaches for the device."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", NO_FEATURES)
        if not request.path.startswith(settings.STATIC_URL) and "Cache-Control" not in response:
            add_never_cache_headers(response)
        return response

    return answer


def refuse_trace(get_response: GetResponse) -> GetResponse:
    """TRACE would echo a request, cookies and all, to whoever made the browser send it."""

    def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponseNotAllowed(["GET", "POST"]) if request.method == "TRACE" else get_response(request)

    return answer


def route_of(request: HttpRequest) -> str:
    """The pattern that matched, such as `i/<str:token>/`."""
    return request.resolver_match.route if request.resolver_match else "none"


def is_quiet(request: HttpRequest, response: HttpResponse) -> bool:
    """Probes, pages that ask every two seconds, and static files would drown the rest."""
    if request.path.startswith(settings.STATIC_URL):
        return response.status_code < 500
    return route_of(request) in QUIET_ROUTES
