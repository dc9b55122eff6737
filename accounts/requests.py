"""What a request carries once our middleware and decorators have seen it: types for the views' first argument."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse

from accounts.audit.recording import Actor
from accounts.models import Enterprise, Role, User

View = Callable[..., HttpResponse]


class PublicRequest(HttpRequest):
    """Any request, as our middleware hands it on."""

    user: User | AnonymousUser
    actor: Actor


class SignedInRequest(PublicRequest):
    """A request that passed `signed_in_page`."""

    user: User


class ConsoleRequest(SignedInRequest):
    """A request that passed `console_page`."""

    enterprise: Enterprise
    role: Role
