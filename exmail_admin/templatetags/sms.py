"""Template tags about SMS."""

from __future__ import annotations

from django import template

from sms.outbox.breaker import unreachable_gateways
from sms.outbox.queue import EnterpriseLike, gateway_of

register = template.Library()


@register.simple_tag
def are_codes_delayed(enterprise: EnterpriseLike | None = None) -> bool:
    """True while the gateway of this enterprise, or of the sign-in page, is unreachable; whatever the number is."""
    return gateway_of(enterprise or None) in unreachable_gateways()
