"""Read settings from environment variables or `.env`.

A blank variable counts as not set. Invalid values raise ImproperlyConfigured, which names the variable.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = "django.db.backends.postgresql"
# Linux limits the path of a socket to 108 bytes (macOS: 104), including a terminating zero.
MAX_SOCKET_BYTES = 100
# Of a key for an HMAC: 32 characters of base 64 are 192 bits.
KEY_CHARACTERS, KEY_DIFFERENT_CHARACTERS = 32, 8
FLAGS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

_env = environ.Env()


def read_file(path: Path) -> None:
    """Add the variables of the file that are not set in the environment."""
    _env.read_env(path, overwrite=False)


def text(name: str, default: str = "") -> str:
    return (_env.str(name, default="") or default).strip()


def required(name: str, hint: str) -> str:
    """Return a text. Raise ImproperlyConfigured with the hint if it is not set."""
    if not text(name):
        raise ImproperlyConfigured(f"{name} is not set. {hint}")
    return text(name)


def pair(name: str, counterpart: str) -> tuple[str, str]:
    """Return two texts, both set or both empty. Raise ImproperlyConfigured if only one is set."""
    values = text(name), text(counterpart)
    if any(values) and not all(values):
        missing, other = (counterpart, name) if values[0] else (name, counterpart)
        raise ImproperlyConfigured(f"{missing} is not set, but {other} is: set both or neither.")
    return values


def names(name: str) -> list[str]:
    """Return a comma-separated list."""
    return [each.strip() for each in text(name).split(",") if each.strip()]


def optional_key(name: str) -> str:
    """Return a secret key, "" if it is not set. Raise ImproperlyConfigured if it may be guessed, or has a comma."""
    value = text(name)
    is_random = len(value) >= KEY_CHARACTERS and len(set(value)) >= KEY_DIFFERENT_CHARACTERS
    if value and ("," in value or not is_random):
        raise ImproperlyConfigured(
            f"{name} must be a random text of {KEY_CHARACTERS} characters or more without commas, or not set."
        )
    return value


def former_keys(name: str, *, current: str, counterpart: str) -> list[str]:
    """Return a comma-separated list of keys that were replaced by `current`, the value of `counterpart`.

    Raise ImproperlyConfigured if a key is blank, occurs twice, or is the current one.
    """
    if not text(name):
        return []
    keys = [each.strip() for each in text(name).split(",")]
    if not all(keys) or len(set(keys)) < len(keys):
        raise ImproperlyConfigured(f"{name} must be keys separated by commas, each of them once.")
    if current in keys:
        raise ImproperlyConfigured(f"{name} must not contain the current {counterpart}, but those that it replaced.")
    return keys


def flag(name: str) -> bool:
    value = text(name, "0").lower()
    if value not in FLAGS:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")
    return FLAGS[value]


def number(name: str, default: int) -> int:
    """Return a whole number, 0 or more."""
    value = text(name, str(default))
    if not (value.isascii() and value.isdecimal()):
        raise ImproperlyConfigured(f"{name} must be a whole number, 0 or more, not {value!r}.")
    return int(value)


def hosts(name: str) -> list[str]:
    """Return host names without scheme and port, as in ALLOWED_HOSTS."""
    values = names(name)
    for value in values:
        if not re.fullmatch(r"\*|\.?\w[\w.-]*|\[[\da-f:]+\]", value, re.IGNORECASE):
            raise ImproperlyConfigured(f"{name} must be host names, without scheme or port, not {value!r}.")
    return values


def file(name: str, default: Path, *, base: Path) -> str:
    """Return the path of a file, which may be relative to `base`."""
    path = base / text(name, str(default))
    if path.is_dir():
        raise ImproperlyConfigured(f"{name} must be the path of a file, but {path} is a directory.")
    return str(path)


def address(name: str, default: str, *, schemes: set[str], is_optional: bool = False) -> str:
    """Return a URL with one of the schemes and, unless unix://, a host; or "" if it is optional and not set."""
    value = text(name, default)
    if is_optional and not value:
        return ""
    try:
        parts = urlsplit(value)
        is_good = parts.scheme in schemes and (parts.hostname or parts.scheme == "unix") and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good:
        raise ImproperlyConfigured(f"{name} must be an address that begins with {' or '.join(sorted(schemes))}://.")
    return value


def origin(name: str, default: str, *, is_http_allowed: bool) -> str:
    """Return a URL as scheme, host and port. Raise ImproperlyConfigured if it has more parts, or is not secure."""
    parts = urlsplit(address(name, default, schemes={"http", "https"}))
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise ImproperlyConfigured(f"{name} must be an address such as https://mail.example.com, without a path.")
    if parts.scheme == "http" and not is_http_allowed:
        raise ImproperlyConfigured(f"{name} must begin with https:// unless DEBUG=1.")
    return f"{parts.scheme}://{parts.netloc}"


def database(name: str, default: Path) -> dict[str, Any]:
    """Return an entry of DATABASES for a database URL, or for the SQLite file `default` if none is set."""
    config: dict[str, Any] = _parse_database(name) if text(name) else {"ENGINE": SQLITE, "NAME": str(default)}
    if config["ENGINE"] == SQLITE:
        # Without IMMEDIATE, concurrent writers fail with "database is locked".
        pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
        return config | {"OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 30, "init_command": pragmas}}
    options = {"connect_timeout": 5} | config.get("OPTIONS", {})
    return config | {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}


def sms_gateway(name: str, default: str, gateways: Collection[str], *, is_file_allowed: bool) -> str:
    """Return the name of the gateway. Raise ImproperlyConfigured if it is unknown or cannot send."""
    gateway = text(name, default)
    if gateway not in gateways:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(gateways)}, not {gateway!r}.")
    if gateway == "file" and not is_file_allowed:
        raise ImproperlyConfigured(
            f"{name}=file writes messages to a file and reaches no phone. Choose a gateway or set SMS_FILE_ALLOWED=1."
        )
    sender = text("TWILIO_FROM") or text("TWILIO_MESSAGING_SERVICE_SID")
    if gateway == "twilio" and not (text("TWILIO_ACCOUNT_SID") and text("TWILIO_AUTH_TOKEN") and sender):
        raise ImproperlyConfigured(
            f"{name}=twilio needs TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID."
        )
    return gateway


def time_zone(name: str, default: str) -> str:
    value = text(name, default)
    try:
        return ZoneInfo(value).key
    except (ValueError, OSError, LookupError) as error:
        raise ImproperlyConfigured(f"{name} must be a time zone such as Asia/Shanghai, not {value!r}.") from error


def embedded_socket(var: Path) -> Path:
    """Return `valkey.sock` in `var`, or a short path in the system's temporary directory if that one is too long."""
    path = var / "valkey.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(var)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"exmail-admin-{digest}" / "valkey.sock"


def child_environment(*excluded: str) -> dict[str, str]:
    """Return the environment for a child process, without these variables."""
    return {name: value for name, value in os.environ.items() if name not in excluded}


def _parse_database(name: str) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid values are refused below
            config = dict(_env.db_url_config(text(name)))
    except ValueError:
        config = {}
    if config.get("ENGINE") not in {SQLITE, POSTGRESQL} or not config["NAME"]:
        raise ImproperlyConfigured(f"{name} must be a sqlite:// or postgres:// address.")
    return config | {"HOST": unquote(config["HOST"])}  # %2Fvar%2Frun%2Fpostgresql is a socket's directory
