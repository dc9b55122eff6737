"""What the operator chose, from the environment or `.env`: blank means unset, nonsense names its variable."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = "django.db.backends.postgresql"
FLAGS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

_env = environ.Env()


def read_file(path: Path) -> None:
    """Add what stands in the file; what the environment says already wins."""
    _env.read_env(path, overwrite=False)


def text(name: str, default: str = "") -> str:
    return (_env.str(name, default="") or default).strip()


def names(name: str) -> list[str]:
    """A list, parted by commas."""
    return [each.strip() for each in text(name).split(",") if each.strip()]


def flag(name: str) -> bool:
    value = text(name, "0").lower()
    if value not in FLAGS:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")
    return FLAGS[value]


def number(name: str, default: int) -> int:
    """A whole number from 0."""
    value = text(name, str(default))
    if not (value.isascii() and value.isdecimal()):
        raise ImproperlyConfigured(f"{name} must be a whole number, 0 or more, not {value!r}.")
    return int(value)


def hosts(name: str) -> list[str]:
    """Host names as Django matches them: no scheme, no port."""
    values = names(name)
    for value in values:
        if not re.fullmatch(r"\*|\.?\w[\w.-]*|\[[\da-f:]+\]", value, re.IGNORECASE):
            raise ImproperlyConfigured(f"{name} must be host names, without scheme or port, not {value!r}.")
    return values


def file(name: str, default: Path, *, base: Path) -> str:
    """The path of a file; relative to `base`."""
    path = base / text(name, str(default))
    if path.is_dir():
        raise ImproperlyConfigured(f"{name} must be the path of a file, but {path} is a directory.")
    return str(path)


def address(name: str, default: str, *, schemes: set[str], is_optional: bool = False) -> str:
    """A URL with a host (but for unix://) and one of these schemes; blank only if it is optional."""
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


def database(name: str, default: Path) -> dict[str, Any]:
    """Django's settings for a database URL, of the SQLite file `default` if there is none."""
    if not text(name):
        return {"ENGINE": SQLITE, "NAME": str(default)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it would warn of is refused below
            config = dict(_env.db_url_config(text(name)))
    except ValueError:
        config = {}
    if config.get("ENGINE") not in {SQLITE, POSTGRESQL} or not config["NAME"]:
        raise ImproperlyConfigured(f"{name} must be a sqlite:// or postgres:// address.")
    return config | {"HOST": unquote(config["HOST"])}  # %2Fvar%2Frun%2Fpostgresql is a socket's directory


def time_zone(name: str, default: str) -> str:
    value = text(name, default)
    try:
        return ZoneInfo(value).key
    except (ValueError, OSError, LookupError) as error:
        raise ImproperlyConfigured(f"{name} must be a time zone such as Asia/Shanghai, not {value!r}.") from error


def for_a_child(*left_out: str) -> dict[str, str]:
    """The variables a program of ours is started with, but for these."""
    return {name: value for name, value in os.environ.items() if name not in left_out}
