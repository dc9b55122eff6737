"""The Content-Security-Policy forbids inline code, and Django escapes: no template or script undoes either."""

import re
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
SCRIPTS = sorted((settings.BASE_DIR / "static").rglob("*.js"))
INLINE = re.compile(
    r"""<style\b|\sstyle\s*=|<script(?![^>]*\bsrc=)|\son[a-z]+\s*=\s*["']|javascript:|hx-on""",
)
UNESCAPED = re.compile(r"\|safe|autoescape off|\{\{ attrs \}\}")
EVALUATED = re.compile(r"\beval\(|new Function|innerHTML|insertAdjacentHTML|document\.write")


def files_with(paths: list[Path], is_wrong: Callable[[str], object]) -> list[str]:
    assert paths
    return [str(path.relative_to(settings.BASE_DIR)) for path in paths if is_wrong(path.read_text())]


def test_no_template_has_inline_style_or_script():
    assert files_with(TEMPLATES, INLINE.search) == []


def test_every_template_escapes_everything():
    assert files_with(TEMPLATES, UNESCAPED.search) == []


def test_every_comment_of_a_template_ends_on_its_line():
    """Django prints a `{#` that is not closed on its line."""

    def is_open(text: str) -> bool:
        return any(line.count("{#") != line.count("#}") for line in text.splitlines())

    assert files_with(TEMPLATES, is_open) == []


def test_no_script_evaluates_text():
    assert files_with(SCRIPTS, EVALUATED.search) == []


def test_every_component_begins_with_its_context():
    components = sorted((settings.BASE_DIR / "templates" / "components").glob("*.html"))
    assert files_with(components, lambda text: not text.startswith("{# ")) == []
