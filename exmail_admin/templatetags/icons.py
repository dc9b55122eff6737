"""Template tags for icons and static files. They replace the tags of the same names in lucide and Django."""

from __future__ import annotations

from functools import lru_cache

import lucide as lucide_icons
from django import template
from django.templatetags.static import static as url_of_static
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag
def lucide(name: str, *, size: int = 18, **attributes: str) -> SafeString:
    """Render an icon as inline SVG, hidden from screen readers because a label stands beside it.

    Replaces lucide's tag of this name, which builds the drawing on every call.
    """
    return draw_icon(str(name), size, tuple(sorted(attributes.items())))


@register.simple_tag
@lru_cache(maxsize=128)
def static(path: str) -> SafeString:
    """Return the URL of a static file.

    Replaces Django's tag of this name, which asks the storage on every call.
    """
    return mark_safe(conditional_escape(url_of_static(path)))  # noqa: S308 (escaped)


@register.simple_tag
def labelled(name: str, words: str) -> SafeString:
    """Render an icon and its label as a menu item. Call it once for many rows."""
    return format_html("{}<span>{}</span>", draw_icon(name, 18, ()), words)


@lru_cache(maxsize=512)
def draw_icon(name: str, size: int, attributes: tuple[tuple[str, str], ...]) -> SafeString:
    drawing = lucide_icons._render_icon(
        name, size, **{"class": "icon", "aria_hidden": "true", "focusable": "false", **dict(attributes)}
    )
    return mark_safe(drawing)  # noqa: S308 (drawn by lucide; the name comes from our templates)
