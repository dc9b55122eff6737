"""Bundles: the one stylesheet and the one script of every page, concatenated from the files in `static/`.

A staticfiles finder: `collectstatic` hashes and compresses a bundle like any other file, and in the demo a reload shows
what was edited. django-compressor and django-pipeline would add tags, manifests and compilers for the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage
from django_htmx import __file__ as django_htmx
from whitenoise.compress import Compressor

SOURCE_DIR = settings.BASE_DIR / "static"
HTMX = Path(django_htmx).parent / "static/django_htmx/htmx-2.min.js"
# In the order of the cascade. `@layer` ranks the groups; within a layer a later rule wins over an equally specific one.
STYLES = ["tokens.css", "reset.css", "base.css", "layout.css", "components/*.css", "pages/*.css"]


def stylesheet() -> str:
    """Return the content of `app.css`."""
    paths = [path for pattern in STYLES for path in sorted((SOURCE_DIR / "css").glob(pattern))]
    return "".join(path.read_text() for path in paths)


def script() -> str:
    """Return the content of `app.js`: htmx, then our files, each in a scope of its own."""
    modules = [path.read_text() for path in sorted((SOURCE_DIR / "js").glob("*.js"))]
    return HTMX.read_text() + "".join(f"\n;(() => {{\n{module}}})();\n" for module in modules)


BUNDLES = {"app.css": stylesheet, "app.js": script}


class BundleFinder(BaseFinder):
    """Write bundles to `BUNDLE_DIR` when they are looked up, unless the files there have this content already."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.storage = FileSystemStorage(settings.BUNDLE_DIR)

    def check(self, **kwargs: Any) -> list[Any]:
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        found = [self.write(path)] if path in BUNDLES else []
        return found if find_all or not found else found[0]

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, FileSystemStorage]]:
        for name in BUNDLES:
            self.write(name)
            yield name, self.storage

    def write(self, name: str) -> str:
        """Return the path of a bundle that is up to date. A process that reads it meanwhile gets a whole file."""
        path, content = Path(self.storage.path(name)), BUNDLES[name]()
        if not path.exists() or path.read_text() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(f".{os.getpid()}")
            draft.write_text(content)
            draft.replace(path)
            Compressor(quiet=True).compress(str(path))
        return str(path)
