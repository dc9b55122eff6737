"""Template tags for form controls, attributes of components, and blocks shown twice."""

from __future__ import annotations

from typing import Any

from django import template
from django.forms import BoundField
from django.forms.boundfield import BoundWidget
from django.template.context import Context
from django.template.loader_tags import BLOCK_CONTEXT_KEY
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django_cotton.templatetags import Attrs

register = template.Library()


@register.simple_tag(takes_context=True)
def block_text(context: Context, name: str) -> SafeString:
    """Render the page's block `name` again: the title is also the heading."""
    blocks = context.render_context[BLOCK_CONTEXT_KEY]
    return blocks.get_block(name).render(context)


@register.simple_tag
def widget(field: BoundField, **attributes: Any) -> SafeString:
    """Render the field's control with more attributes (`_` for `-`): `{% widget field inputmode="numeric" %}`."""
    return field.as_widget(attrs={name.replace("_", "-"): value for name, value in attributes.items() if value})


@register.filter
def described_by(choice: BoundWidget, field: BoundField) -> SafeString:
    """Render a radio button or checkbox with `aria-describedby` set to the field's error.

    Django sets it on the group only, where not every screen reader announces it.
    """
    if field.errors:
        choice.data["attrs"]["aria-describedby"] = f"{field.auto_id}_error"
    return choice.tag()


@register.filter
def attributes(attrs: Attrs) -> SafeString:
    """Render a component's extra attributes with escaped values; cotton's own `{{ attrs }}` doesn't escape them."""
    return format_html_join("", "{}", ((attribute(name, value),) for name, value in attrs.attrs_dict().items()))


def attribute(name: str, value: Any) -> SafeString:
    if value is None or value is False:
        return SafeString("")
    if value is True:
        return format_html(" {}", name)
    return format_html(' {}="{}"', name, conditional_escape(value))
