"""Request types for views, with the attributes that middleware and decorators add."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse

from accounts.audit.recording import Actor
from accounts.models import Enterprise, Role, User

View = Callable[..., HttpResponse]


class PublicRequest(HttpRequest):
    """A request that passed the middleware."""

    user: User | AnonymousUser
    actor: Actor


class SignedInRequest(PublicRequest):
    """A request that passed `signed_in_page`."""

    user: User


class ConsoleRequest(SignedInRequest):
    """A request that passed `console_page`."""

    enterprise: Enterprise
    role: Role
