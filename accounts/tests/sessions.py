"""Sessions as a sign-in leaves them, for tests that need many."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.db import SessionStore

from accounts.models import Enterprise, User


def open_sessions(user: User, enterprise: Enterprise, *, count: int = 1) -> list[UserSession]:
    """Sign the user in to the enterprise in so many browsers."""
    return [_open_session(user, enterprise) for _ in range(count)]


def _open_session(user: User, enterprise: Enterprise) -> UserSession:
    session = SessionStore()
    session.create()
    data = {"enterprise": enterprise.pk, "browser": f"mark of {session.session_key}"}
    return UserSession.objects.create(user=user, session_key=session.session_key, ip="203.0.113.7", data=data)
