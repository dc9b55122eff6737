"""Members in the console: the list, one member, and what is done to them."""

from django.http import HttpRequest, HttpResponse


def member_list(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=501)


def member_new(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=501)


def member_detail(request: HttpRequest, id: int) -> HttpResponse:
    return HttpResponse(status=501)


def member_edit(request: HttpRequest, id: int) -> HttpResponse:
    return HttpResponse(status=501)


def member_invite(request: HttpRequest, id: int) -> HttpResponse:
    return HttpResponse(status=501)


def member_disable(request: HttpRequest, id: int) -> HttpResponse:
    return HttpResponse(status=501)


def member_enable(request: HttpRequest, id: int) -> HttpResponse:
    return HttpResponse(status=501)


def member_invite_many(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=501)
