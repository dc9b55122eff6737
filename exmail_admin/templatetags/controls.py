"""Form controls, attributes of components, and blocks shown twice, for all templates."""

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
    """What the page put into block `name`, once more: the title is also the heading."""
    blocks = context.render_context[BLOCK_CONTEXT_KEY]
    return blocks.get_block(name).render(context)


@register.simple_tag
def widget(field: BoundField, **attributes: Any) -> SafeString:
    """The field's control with more attributes: `{% widget field inputmode="numeric" %}`; `_` stands for `-`."""
    return field.as_widget(attrs={name.replace("_", "-"): value for name, value in attributes.items() if value})


@register.filter
def described_by(choice: BoundWidget, field: BoundField) -> SafeString:
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
