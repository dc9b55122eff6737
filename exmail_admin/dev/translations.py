"""The Chinese catalogue: drawn from code and templates, checked, compiled, without gettext's own tools."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

LOCALE = "zh_Hans"
APPS = ("core", "sms", "accounts", "directory", "invitations", "exmail_admin", "benchmarks")
PO = settings.BASE_DIR / "locale" / LOCALE / "LC_MESSAGES" / "django.po"
MO = PO.with_suffix(".mo")
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


def update() -> int:
    """Write catalogue and compiled file anew; what was translated stays. Returns how many wait for a translation."""
    old = read_catalogue()
    catalogue = extract_catalogue()
    catalogue.creation_date, catalogue.revision_date = old.creation_date, old.revision_date
    for message in messages(catalogue):
        known = old.get(message.id, message.context)
        if known and known.string and bool(message.pluralizable) == bool(known.pluralizable):
            message.string = known.string
    save(catalogue)
    return sum(not is_translated(message) for message in messages(catalogue))


def save(catalogue: Catalog) -> None:
    """Write both files."""
    PO.parent.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, catalogue, width=100, sort_output=True, include_lineno=False, ignore_obsolete=True)
    MO.write_bytes(compiled(read_catalogue()))


def problems() -> list[str]:
    """What keeps the catalogue from being complete, true and compiled: one line each."""
    source, catalogue = extract_catalogue(), read_catalogue()
    used = {key(message) for message in messages(source)}
    known = {key(message) for message in messages(catalogue)}
    found = [f"not in the catalogue: {each[0]!r}" for each in sorted(used - known, key=str)]
    found += [f"no longer used: {each[0]!r}" for each in sorted(known - used, key=str)]
    for message in messages(catalogue):
        if message.fuzzy or not is_translated(message):
            found.append(f"not translated: {message.id!r}")
        found += [f"{error}: {message.id!r}" for error in message.check(catalogue)]
    if not MO.exists() or MO.read_bytes() != compiled(catalogue):
        found.append(f"{MO.relative_to(settings.BASE_DIR)} was not compiled from {PO.name}")
    return found


def extract_catalogue() -> Catalog:
    """Every string of code and templates, with the files it stands in, none translated."""
    catalogue = Catalog(
        locale=LOCALE, domain="django", project="exmail_admin", header_comment="# 简体中文", fuzzy=False
    )
    for path in sources():
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".py":
            # What is left of a template is a row of calls; the blanks before them would be Python's indentation.
            text = "\n".join(line.strip() for line in templatize(text, origin=str(path)).splitlines())
        name = path.relative_to(settings.BASE_DIR).as_posix()
        found = extract("python", io.BytesIO(text.encode()), keywords=KEYWORDS, options={"encoding": "utf-8"})
        for _, message_id, _, context in found:
            catalogue.add(message_id, locations=[(name, 0)], context=context)
    return catalogue


def sources() -> Iterator[Path]:
    """The files in which strings for people stand."""
    for app in APPS:
        for path in sorted((settings.BASE_DIR / app).rglob("*.py")):
            if not {"tests", "migrations"} & set(path.relative_to(settings.BASE_DIR).parts):
                yield path
    for suffix in ("html", "txt"):
        yield from sorted((settings.BASE_DIR / "templates").rglob(f"*.{suffix}"))


def read_catalogue() -> Catalog:
    """The committed catalogue, an empty one if there is none."""
    if not PO.exists():
        return Catalog(locale=LOCALE, domain="django")
    with PO.open("rb") as file:
        return read_po(file, locale=LOCALE, domain="django", abort_invalid=True)


def compiled(catalogue: Catalog) -> bytes:
    """The bytes of the .mo file."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def messages(catalogue: Catalog) -> Iterator[Message]:
    """All but the header."""
    return (message for message in catalogue if message.id)


def key(message: Message) -> tuple[object, ...]:
    return message.id, message.context


def is_translated(message: Message) -> bool:
    parts = message.string if isinstance(message.string, (list, tuple)) else [message.string]
    return bool(parts) and all(parts)
