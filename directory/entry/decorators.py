"""Who may see a member's own pages: whoever is a member at this very moment, asked on each request."""

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
    """For a member of the session's enterprise; sets request.member and request.enterprise.

    Others go to the choice of enterprises, or to the sign-in first: disabled in one, they may still enter another.
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
    """For whoever proved a phone or signed in, member of anything or not; others are sent to sign in."""

    @never_cache
    @functools.wraps(view)
    def guarded(request: PublicRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not is_proven(request):
            return to_sign_in(request, "accounts:login")
        return view(request, *args, **kwargs)

    return guarded


def is_proven(request: PublicRequest) -> bool:
    """Whether this browser's person signed in or has just proven a phone."""
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
