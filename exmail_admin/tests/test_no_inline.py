"""A strict CSP forbids what stands inline: no template brings a script, a style or a handler of its own."""

import re
from pathlib import Path

import pytest
from django.conf import settings

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
STATIC = sorted((settings.BASE_DIR / "static").rglob("*.js"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_template_has_nothing_inline(path: Path):
    text = path.read_text()
    assert not re.search(r"<style\b", text)
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text)
    assert "javascript:" not in text
    assert "hx-on" not in text


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_template_escapes_everything(path: Path):
    text = path.read_text()
    assert "|safe" not in text
    assert "autoescape off" not in text
    assert "{{ attrs }}" not in text


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_comment_of_a_template_ends_on_its_line(path: Path):
    """Django prints a `{#` that is not closed on its line."""
    for line in path.read_text().splitlines():
        assert line.count("{#") == line.count("#}"), line


@pytest.mark.parametrize("path", STATIC, ids=lambda path: path.name)
def test_script_evaluates_no_text(path: Path):
    assert not re.search(r"\beval\(|new Function|innerHTML|insertAdjacentHTML|document\.write", path.read_text())


def test_component_begins_with_its_context():
    for path in (settings.BASE_DIR / "templates" / "components").glob("*.html"):
        assert path.read_text().startswith("{# "), path.name
