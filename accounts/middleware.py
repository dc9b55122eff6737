"""What surrounds a request for accounts: its session's age, its actor, its browser's cookie."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.actors import set_actor
from accounts.clients import keep_browser
from accounts.sign_in.sessions import expire_session, keep_session

GetResponse = Callable[[HttpRequest], HttpResponse]


def audit_origin(get_response: GetResponse) -> GetResponse:
    """Give the request its `actor` (read only if asked for), end a session that is too old, keep what was new."""

    def surround(request: HttpRequest) -> HttpResponse:
        expire_session(request)
        set_actor(request)
        response = get_response(request)
        keep_session(request)
        keep_browser(request, response)
        return response

    return surround
