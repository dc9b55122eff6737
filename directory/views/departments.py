"""The enterprise's tree in the console."""

from django.http import HttpRequest, HttpResponse


def department_list(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=501)


def department_new(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=501)


def department_edit(request: HttpRequest, id: int) -> HttpResponse:
    return HttpResponse(status=501)


def department_delete(request: HttpRequest, id: int) -> HttpResponse:
    return HttpResponse(status=501)
