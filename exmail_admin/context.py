"""The page chrome: what both layouts show on every page. It makes no query, because error pages need it too."""

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
class NavItem:
    """A link in the console's navigation, shown to roles with the permission."""

    page: str
    label: Any
    icon: str
    permission: Permission


NAV_ITEMS = [
    NavItem("invitations:overview", _("Overview"), "layout-dashboard", Permission.READ),
    NavItem("directory:member_list", _("Directory"), "users", Permission.READ),
    NavItem("directory:department_list", _("Departments"), "network", Permission.MANAGE_DEPARTMENTS),
    NavItem("directory:import_list", _("Import members"), "file-up", Permission.READ),
    NavItem("invitations:batch_list", _("Invitations"), "send", Permission.READ),
    NavItem("invitations:application_list", _("Join requests"), "user-round-plus", Permission.READ),
    NavItem("invitations:joining", _("Join settings"), "qr-code", Permission.READ_SETTINGS),
    NavItem("accounts:message_list", _("SMS log"), "message-square-text", Permission.READ_MESSAGES),
    NavItem("directory:administrator_list", _("Administrators"), "user-cog", Permission.READ_SETTINGS),
    NavItem("accounts:audit_list", _("Activity log"), "scroll-text", Permission.READ_AUDIT),
    NavItem("directory:domain_list", _("Mail domains"), "globe", Permission.READ_SETTINGS),
    NavItem("accounts:settings", _("Enterprise settings"), "settings", Permission.READ_SETTINGS),
]


def page_chrome(request: HttpRequest) -> dict[str, Any]:
    """Add `chrome`: brand, enterprise, role, navigation, languages, themes, and the current language and theme."""
    return {
        "chrome": {
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
    """Return the items for the request's role. The one with the longest URL that starts the path is current."""
    role = getattr(request, "role", None)
    if role is None:
        return []
    items = {reverse(item.page): item for item in NAV_ITEMS if may(role, item.permission)}
    current = max((url for url in items if request.path.startswith(url)), key=len, default="")
    return [
        {"url": url, "page": item.page, "label": item.label, "icon": item.icon, "is_current": url == current}
        for url, item in items.items()
    ]
