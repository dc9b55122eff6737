"""The keys of the audit log, and the canonical JSON that they sign.

AUDIT_KEY signs; if it is not set, a key derived from SECRET_KEY does. What is signed keeps the id of its key, so that
former keys still verify it: AUDIT_KEY_FALLBACKS, and SECRET_KEY and its fallbacks once AUDIT_KEY is set.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

from core.encryption import derive_key, secret_keys

canonical_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True)
class Keyring:
    """All keys by id, and the id of the one that signs."""

    current: str
    keys: dict[str, bytes]

    def sign(self, text: str, key_id: str | None = None) -> str:
        """Return the HMAC-SHA256 of the text with the current key, or the one with this id. Raises KeyError."""
        return hmac.digest(self.keys[key_id or self.current], text.encode(), "sha256").hex()

    def is_signature(self, mac: str, text: str, key_id: str) -> bool:
        """True if `mac` is the HMAC of the text. False for an unknown key."""
        return key_id in self.keys and hmac.compare_digest(mac.encode(), self.sign(text, key_id).encode())


def keyring() -> Keyring:
    return _keyring(settings.AUDIT_KEY, tuple(settings.AUDIT_KEY_FALLBACKS), tuple(secret_keys()))


@lru_cache
def _keyring(audit_key: str, former: tuple[str, ...], secrets: tuple[str, ...]) -> Keyring:
    signing = [audit_key, *former, *secrets] if audit_key else [*secrets, *former]
    keys = {derive_key(key, "audit key id")[:4].hex(): derive_key(key, "audit log") for key in signing}
    return Keyring(current=next(iter(keys)), keys=keys)
