"""Storage of one-time messages: in the session, or for a visitor without one in a signed cookie."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


class ExistingSessionStorage(SessionStorage):
    """Store messages in a session that has something else in it, and leave them to the next storage otherwise."""

    def _store(self, messages: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        session = self.request.session
        if messages and not session.keys():
            return messages
        return super()._store(messages, response, *args, **kwargs)  # type: ignore[misc]


class MessageCookieStorage(CookieStorage):
    """Use a cookie that no subdomain can set."""

    cookie_name = "__Host-messages" if settings.IS_HTTPS else "messages"


class MessageStorage(FallbackStorage):
    """Open no session for a message, so that strangers leave no rows."""

    storage_classes = (ExistingSessionStorage, MessageCookieStorage)

    def _get(self, *args: Any, **kwargs: Any) -> tuple[list[Any], bool]:
        """Return the messages of both: a visitor may have signed in meanwhile."""
        found: list[Any] = []
        for storage in self.storages:
            messages, _is_complete = storage._get()
            if messages:
                self._used_storages.add(storage)  # type: ignore[attr-defined]
                found.extend(messages)
        return found, True
