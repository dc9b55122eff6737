"""Registries by which a later app provides something to an earlier one, which cannot import it."""

from __future__ import annotations

from typing import Generic, TypeVar

from django.core.exceptions import ImproperlyConfigured

Entry = TypeVar("Entry")


class Registry(Generic[Entry]):
    """What other apps register in `AppConfig.ready()`, in the order of INSTALLED_APPS.

    Reading an empty registry raises ImproperlyConfigured: a forgotten registration must not silently disable a feature.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._entries: list[Entry] = []

    def register(self, entry: Entry) -> None:
        """Add `entry`, once: `ready()` runs again when a test changes INSTALLED_APPS."""
        # By identity: comparing lazy translations would translate them, which is too early in `ready()`.
        if not any(entry is known for known in self._entries):
            self._entries.append(entry)

    def all(self) -> tuple[Entry, ...]:
        """Return what is registered. Raises ImproperlyConfigured if there is nothing."""
        if not self._entries:
            raise ImproperlyConfigured(f"No app has registered: {self.name}.")
        return tuple(self._entries)

    def single(self) -> Entry:
        """Return the only entry. Raises ImproperlyConfigured if there is none, or more than one."""
        entries = self.all()
        if len(entries) > 1:
            raise ImproperlyConfigured(f"More than one app has registered: {self.name}.")
        return entries[0]
