"""Who acts, from where: what the audit log needs of a request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]


def audit_origin(get_response: GetResponse) -> GetResponse:
    return get_response
