"""The enterprise's mail domains in the console."""

from django.http import HttpRequest, HttpResponse


def domain_list(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=501)


def domain_new(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=501)


def domain_edit(request: HttpRequest, id: int) -> HttpResponse:
    return HttpResponse(status=501)
