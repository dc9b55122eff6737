"""Tags every template may use without loading them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

import lucide as lucide_icons
from django import template
from django.forms import BoundField
from django.forms.boundfield import BoundWidget
from django.template.context import Context
from django.template.loader_tags import BLOCK_CONTEXT_KEY
from django.templatetags.static import static as url_of_static
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django_cotton.templatetags import Attrs

register = template.Library()

HUES = 8
LINE_SIGNS = 32


@register.simple_tag
def lucide(name: str, *, size: int = 18, **attributes: str) -> SafeString:
    """The icon as inline SVG, hidden from screen readers: the words beside it speak.

    Stands before lucide's own tag of this name, which builds the drawing anew on every call.
    """
    return draw_icon(str(name), size, tuple(sorted(attributes.items())))


@register.simple_tag
@lru_cache(maxsize=128)
def static(path: str) -> SafeString:
    """The URL of a static file.

    Stands before Django's own tag of this name, which joins the URL anew for each of a page's 26: a quarter of the time
    that a small page takes.
    """
    return mark_safe(conditional_escape(url_of_static(path)))  # noqa: S308 (escaped)


@register.simple_tag
def labelled(name: str, words: str) -> SafeString:
    """An icon and its words, as an entry of a menu shows them; to be said once for many rows."""
    return format_html("{}<span>{}</span>", draw_icon(name, 18, ()), words)


@lru_cache(maxsize=512)
def draw_icon(name: str, size: int, attributes: tuple[tuple[str, str], ...]) -> SafeString:
    drawing = lucide_icons._render_icon(
        name, size, **{"class": "icon", "aria_hidden": "true", "focusable": "false", **dict(attributes)}
    )
    return mark_safe(drawing)  # noqa: S308 (drawn by the package from a name out of our own templates)


@register.simple_tag(takes_context=True)
def block_text(context: Context, name: str) -> SafeString:
    """What the page put into block `name`, once more: the title is also the heading."""
    blocks = context.render_context[BLOCK_CONTEXT_KEY]
    return blocks.get_block(name).render(context)


@register.simple_tag
def widget(field: BoundField, **attributes: Any) -> SafeString:
    """The field's control with more attributes: `{% widget field inputmode="numeric" %}`; `_` stands for `-`."""
    return field.as_widget(attrs={name.replace("_", "-"): value for name, value in attributes.items() if value})


@register.filter
def told_by(choice: BoundWidget, field: BoundField) -> SafeString:
    """One button of a group, described by the group's error: Django leaves that to the group, and not every screen
    reader tells what a group is described by."""
    if field.errors:
        choice.data["attrs"]["aria-describedby"] = f"{field.auto_id}_error"
    return choice.tag()


@register.filter
def attributes(attrs: Attrs) -> SafeString:
    """A component's passed-through attributes, each value escaped: cotton's own `{{ attrs }}` escapes none."""
    return format_html_join("", "{}", ((attribute(name, value),) for name, value in attrs.attrs_dict().items()))


def attribute(name: str, value: Any) -> SafeString:
    if value is None or value is False:
        return SafeString("")
    if value is True:
        return format_html(" {}", name)
    return format_html(' {}="{}"', name, conditional_escape(value))


@register.filter
def initial(name: str) -> str:
    """The first letter of a name in capitals, whatever signs stand before it; a dot if there is none."""
    return next((sign.upper() for sign in str(name) if unicodedata.category(sign)[0] == "L"), "·")


@register.filter
def hue(name: str) -> str:
    """One of eight colours, the same for the same name on every page. A text: a number would be localised."""
    return str(sum(map(ord, str(name))) % HUES)


@register.filter
def breakable(address: str) -> str:
    """An address longer than a phone's line breaks before its @ and dots, not in the midst of a word."""
    if len(address) <= LINE_SIGNS:
        return address
    return format_html_join(SafeString("<wbr>"), "{}", ((part,) for part in re.split(r"(?=[@.])", address)))


@register.filter
def message_tone(message: Any) -> str:
    tones = {
        "sent": "good",
        "delivered": "good",
        "undelivered": "bad",
        "rejected": "bad",
        "unknown": "warn",
        "cancelled": "neutral",
        "expired": "neutral",
    }
    return tones.get(message.state, "accent")


@register.filter
def split(words: str) -> list[str]:
    """Words apart by spaces, to loop over."""
    return words.split()


@register.filter
def figure(value: Any) -> Any:
    """A number with its thousands apart; words such as "10,000+" as they are."""
    return f"{value:,}" if isinstance(value, int) else value


@register.filter
def at(values: dict[str, Any] | None, key: str) -> Any:
    """What a mapping holds under a key that stands in a variable."""
    return values.get(key) if values else None
