"""What both shells show on every page. Nothing here asks the database: an error page needs it too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.permissions import Permission, may

BRAND = _("Mail directory")
THEMES = {"system": _("System"), "light": _("Light"), "dark": _("Dark")}
THEME_COOKIE = "theme"


@dataclass(frozen=True)
class Room:
    """A place in the navigation: the URL name it leads to, its words, and the right it takes."""

    page: str
    label: Any
    icon: str
    permission: Permission


ROOMS = [
    Room("invitations:overview", _("Overview"), "layout-dashboard", Permission.READ),
    Room("directory:member_list", _("Directory"), "users", Permission.READ),
    Room("directory:department_list", _("Departments"), "network", Permission.MANAGE_DEPARTMENTS),
    Room("directory:import_list", _("Import members"), "file-up", Permission.READ),
    Room("invitations:batch_list", _("Invitations"), "send", Permission.READ),
    Room("invitations:application_list", _("Join requests"), "user-round-plus", Permission.READ),
    Room("invitations:joining", _("Join settings"), "qr-code", Permission.READ_SETTINGS),
    Room("accounts:message_list", _("SMS log"), "message-square-text", Permission.READ_MESSAGES),
    Room("directory:administrator_list", _("Administrators"), "user-cog", Permission.READ_SETTINGS),
    Room("accounts:audit_list", _("Activity log"), "scroll-text", Permission.READ_AUDIT),
    Room("directory:domain_list", _("Mail domains"), "globe", Permission.READ_SETTINGS),
    Room("accounts:settings", _("Enterprise settings"), "settings", Permission.READ_SETTINGS),
]


def shell(request: HttpRequest) -> dict[str, Any]:
    """`shell`: brand, enterprise, role, navigation, languages and themes with the one in force."""
    return {
        "shell": {
            "brand": BRAND,
            "enterprise": getattr(request, "enterprise", None),
            "role": getattr(request, "role", None),
            "navigation": navigation(request),
            "language": get_language(),
            "languages": settings.LANGUAGES,
            "theme": theme_of(request),
            "themes": list(THEMES.items()),
            "has_demo_phone": settings.HAS_DEMO,
            "has_wechat": settings.HAS_WECHAT,
        }
    }


def theme_of(request: HttpRequest) -> str:
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return theme if theme in THEMES else "system"


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The rooms this role may enter; the one with the longest address the path begins with is current."""
    role = getattr(request, "role", None)
    if role is None:
        return []
    rooms = {reverse(room.page): room for room in ROOMS if may(role, room.permission)}
    current = max((url for url in rooms if request.path.startswith(url)), key=len, default="")
    return [
        {"url": url, "page": room.page, "label": room.label, "icon": room.icon, "is_current": url == current}
        for url, room in rooms.items()
    ]
