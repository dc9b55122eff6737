"""Conditions of a member's own pages, checked on each request, and the actor of what a person does there."""

from __future__ import annotations

import functools
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache

from accounts.audit.recording import Actor
from accounts.models import Enterprise
from accounts.requests import PublicRequest, SignedInRequest, View
from accounts.sign_in.decorators import to_sign_in
from accounts.sign_in.sessions import proven_phone
from directory.entry.entry import member_of
from directory.models import Member


class MemberRequest(SignedInRequest):
    """A request that passed `member_page`."""

    enterprise: Enterprise
    member: Member


def member_page(view: View) -> View:
    """Require an active member of the session's enterprise; set request.member and request.enterprise.

    Redirect others to the choice of enterprises, or to the sign-in first.
    """

    @never_cache
    @functools.wraps(view)
    def guarded(request: MemberRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return to_sign_in(request, "accounts:login")
        member = member_of(request)
        if member is None:
            return redirect("directory:choose")
        request.member, request.enterprise = member, member.enterprise
        return view(request, *args, **kwargs)

    return guarded


def proven_page(view: View) -> View:
    """Require a session that has signed in or verified a phone, whether it leads into an enterprise or not."""

    @never_cache
    @functools.wraps(view)
    def guarded(request: PublicRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not is_proven(request):
            return to_sign_in(request, "accounts:login")
        return view(request, *args, **kwargs)

    return guarded


def is_proven(request: PublicRequest) -> bool:
    """Return True if the session has signed in or verified a phone."""
    return request.user.is_authenticated or proven_phone(request) is not None


def acting_as(request: PublicRequest, member: Member) -> Actor:
    """Return the actor for what a person does as this member, perhaps before they have a session."""
    return actor_with_phone(request, member.phone, name=member.name)


def actor_with_phone(request: PublicRequest, phone: str | None, *, name: str) -> Actor:
    """Return an actor called `name`, who is the request's user only if that user has this E.164 number."""
    actor = request.actor
    is_same = actor.user is not None and actor.user.phone is not None and actor.user.phone == phone
    return Actor(
        user=actor.user if is_same else None,
        name=name,
        ip=actor.ip,
        user_agent=actor.user_agent,
        request_id=actor.request_id,
    )
