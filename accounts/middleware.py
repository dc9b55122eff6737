"""Middleware for sessions, actors and the browser's cookie."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.actors import set_actor
from accounts.clients import set_browser_cookie
from accounts.sign_in.sessions import expire_session, touch_session

GetResponse = Callable[[HttpRequest], HttpResponse]


def request_actor(get_response: GetResponse) -> GetResponse:
    """End an expired session, set `request.actor`, and afterwards save the session's use and the browser's cookie."""

    def middleware(request: HttpRequest) -> HttpResponse:
        expire_session(request)
        set_actor(request)
        response = get_response(request)
        touch_session(request)
        set_browser_cookie(request, response)
        return response

    return middleware
