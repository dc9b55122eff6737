"""Extract, check and compile the Chinese catalogue without gettext's tools."""

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
    """Update the catalogue, keeping translations, and compile it. Return the number of missing translations."""
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
    PO.parent.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, catalogue, width=100, sort_output=True, include_lineno=False, ignore_obsolete=True)
    MO.write_bytes(compiled(read_catalogue()))


def problems() -> list[str]:
    """Return what makes the catalogue incomplete, outdated or not compiled, one line per problem."""
    catalogue = read_catalogue()
    used, known = keys(extract_catalogue()), keys(catalogue)
    found = [f"not in the catalogue: {each[0]!r}" for each in sorted(used - known, key=str)]
    found += [f"no longer used: {each[0]!r}" for each in sorted(known - used, key=str)]
    for message in messages(catalogue):
        if not is_translated(message):
            found.append(f"not translated: {message.id!r}")
        found += [f"{error}: {message.id!r}" for error in message.check(catalogue)]
    if not MO.exists() or MO.read_bytes() != compiled(catalogue):
        found.append(f"{MO.relative_to(settings.BASE_DIR)} was not compiled from {PO.name}")
    return found


def extract_catalogue() -> Catalog:
    """Return an untranslated catalogue of all strings in code and templates, with their files."""
    catalogue = Catalog(
        locale=LOCALE, domain="django", project="exmail_admin", header_comment="# 简体中文", fuzzy=False
    )
    for path in sources():
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".py":
            # A templatized template is a sequence of calls, whose indentation Python would reject.
            text = "\n".join(line.strip() for line in templatize(text, origin=str(path)).splitlines())
        name = path.relative_to(settings.BASE_DIR).as_posix()
        found = extract("python", io.BytesIO(text.encode()), keywords=KEYWORDS, options={"encoding": "utf-8"})
        for _, message_id, _, context in found:
            catalogue.add(message_id, locations=[(name, 0)], context=context)
    return catalogue


def sources() -> Iterator[Path]:
    """Yield the files that may contain translatable strings."""
    for app in APPS:
        for path in sorted((settings.BASE_DIR / app).rglob("*.py")):
            if not {"tests", "migrations"} & set(path.relative_to(settings.BASE_DIR).parts):
                yield path
    for suffix in ("html", "txt"):
        yield from sorted((settings.BASE_DIR / "templates").rglob(f"*.{suffix}"))


def read_catalogue() -> Catalog:
    """Return the committed catalogue, or an empty one."""
    if not PO.exists():
        return Catalog(locale=LOCALE, domain="django")
    with PO.open("rb") as file:
        return read_po(file, locale=LOCALE, domain="django", abort_invalid=True)


def compiled(catalogue: Catalog) -> bytes:
    """Return the content of the .mo file."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def messages(catalogue: Catalog) -> Iterator[Message]:
    """Return all messages without the header."""
    return (message for message in catalogue if message.id)


def keys(catalogue: Catalog) -> set[tuple[object, ...]]:
    return {(message.id, message.context) for message in messages(catalogue)}


def is_translated(message: Message) -> bool:
    if message.fuzzy:
        return False
    parts = message.string if isinstance(message.string, (list, tuple)) else [message.string]
    return bool(parts) and all(parts)
