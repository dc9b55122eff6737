"""What both shells show on every page."""

from typing import Any

from django.http import HttpRequest


def shell(request: HttpRequest) -> dict[str, Any]:
    """Navigation, language and theme."""
    return {}
