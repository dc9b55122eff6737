"""Session keys of later apps that belong to one person."""

from __future__ import annotations

from core.registry import Registry

_keys: Registry[str] = Registry("personal session keys")


def register_personal_keys(*keys: str) -> None:
    """Delete these session keys at every sign-in, so that they don't pass from one person to the next."""
    for key in keys:
        _keys.register(key)


def personal_keys() -> tuple[str, ...]:
    return _keys.all()
