"""Identify the browser and the address of a request."""

import ipaddress
import re
import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.utils.translation import gettext as _

COOKIE = "__Host-browser" if settings.IS_HTTPS else "browser"
COOKIE_SECONDS = 180 * 86400
NO_ADDRESS = "0.0.0.0"  # noqa: S104  (a name for "unknown", nothing binds to it)


def browser_secret(request: HttpRequest) -> str:
    """Return the secret in the browser's cookie (128 bits), or a new one that the middleware sets."""
    if not hasattr(request, "_browser"):
        sent = request.COOKIES.get(COOKIE, "")
        request._browser = sent if re.fullmatch(r"[\w-]{22}", sent, re.ASCII) else secrets.token_urlsafe(16)  # type: ignore[attr-defined]
    return request._browser  # type: ignore[attr-defined]


def renew_browser(request: HttpRequest) -> None:
    """Extend the cookie's lifetime to COOKIE_SECONDS from this request."""
    request._browser_is_renewed = True  # type: ignore[attr-defined]


def set_browser_cookie(request: HttpRequest, response: HttpResponse) -> None:
    """Set the browser's cookie if its secret is new or to be renewed."""
    secret = getattr(request, "_browser", None)
    if secret and (request.COOKIES.get(COOKIE) != secret or hasattr(request, "_browser_is_renewed")):
        response.set_cookie(
            COOKIE, secret, max_age=COOKIE_SECONDS, secure=settings.IS_HTTPS, httponly=True, samesite="Lax"
        )


def client_address(request: HttpRequest) -> str:
    """Return the client's address as seen by the outermost trusted proxy; entries added by the client are ignored.

    With n trusted proxies, the outermost one wrote the n-th entry of X-Forwarded-For from the right.
    """
    count = settings.TRUSTED_PROXY_COUNT
    entries = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    forwarded = entries[-count] if 0 < count <= len(entries) else ""
    return _address(forwarded) or _address(request.META.get("REMOTE_ADDR", "")) or NO_ADDRESS


def address_block(address: str) -> str:
    """Return the unit that limits count: an IPv4 address, or the /64 network of an IPv6 customer."""
    parsed = ipaddress.ip_address(address)
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def is_near(one: str, other: str) -> bool:
    """True if both addresses are in one network: the same IPv4 /24 or IPv6 /64 (security.md 2.2).

    False for an unknown address. Also False for loopback outside the demo: it means a proxy missing from
    TRUSTED_PROXY_COUNT, which makes all clients look alike.
    """
    here, there = ipaddress.ip_address(one), ipaddress.ip_address(other)
    if here.is_unspecified or (here.is_loopback and not settings.HAS_DEMO):
        return False
    size = 24 if here.version == 4 else 64
    return here.version == there.version and there in ipaddress.ip_network((here, size), strict=False)


def _address(text: str) -> str:
    """Return `text` as an address without port, with IPv4-mapped IPv6 as IPv4, or "" if it is not an address."""
    text = text.strip()
    if with_port := re.fullmatch(r"\[(.+)\](?::\d+)?|([\d.]+):\d+", text):
        text = with_port[1] or with_port[2]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)


# The first match counts, because most browsers also name others for compatibility.
BROWSERS = [
    ("MicroMessenger/", "WeChat"),
    ("wxwork/", "WeCom"),
    ("DingTalk/", "DingTalk"),
    ("Edg(?:e|A|iOS)?/", "Edge"),
    ("OPR/|Opera", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("HuaweiBrowser/", "Huawei Browser"),
    ("MiuiBrowser/", "Mi Browser"),
    ("QQBrowser/", "QQ Browser"),
    ("UCBrowser/", "UC Browser"),
    ("Firefox/|FxiOS/", "Firefox"),
    ("Chrome/|CriOS/", "Chrome"),
    ("Version/.*Safari/", "Safari"),
]

SYSTEMS = [
    ("HarmonyOS|OpenHarmony", "HarmonyOS"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh|Mac OS X", "macOS"),
    ("Linux", "Linux"),
]

HAND_HELD = {"HarmonyOS", "iPhone", "iPad", "Android"}


def describe_browser(user_agent: str) -> tuple[str, str]:
    """Return the names of browser and system, each "" if unknown."""
    return _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)


def name_browser(user_agent: str) -> str:
    browser, system = describe_browser(user_agent)
    return device_name(browser or _("Unknown browser"), system)


def device_name(browser: str, system: str) -> str:
    """Return a name such as "Chrome on Windows"."""
    return _("%(browser)s on %(system)s") % {"browser": browser, "system": system} if system else browser


def is_hand_held(request: HttpRequest) -> bool:
    """True if the browser claims to be on a phone or tablet, which can't scan its own screen."""
    _browser, system = describe_browser(request.headers.get("user-agent", ""))
    return request.headers.get("sec-ch-ua-mobile") == "?1" or system in HAND_HELD


def _first(names: list[tuple[str, str]], user_agent: str) -> str:
    return next((name for pattern, name in names if re.search(pattern, user_agent)), "")


def passkeys_are_offered(request: HttpRequest) -> bool:
    """True if browsers support passkeys here: on https and on localhost, but not for an IP address."""
    host = split_domain_port(request.get_host())[0]
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return request.is_secure()
    return False
