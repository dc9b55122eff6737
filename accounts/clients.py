"""Which browser asks, and from where."""

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


def browser_of(request: HttpRequest) -> str:
    """The browser's own secret, 128 bits in a cookie; minted on first use and set by the middleware."""
    if not hasattr(request, "_browser"):
        known = request.COOKIES.get(COOKIE, "")
        request._browser = known if re.fullmatch(r"[\w-]{22}", known, re.ASCII) else secrets.token_urlsafe(16)  # type: ignore[attr-defined]
    return request._browser  # type: ignore[attr-defined]


def renew_browser(request: HttpRequest) -> None:
    """Let the cookie live another COOKIE_SECONDS from this request on."""
    request._browser_is_renewed = True  # type: ignore[attr-defined]


def keep_browser(request: HttpRequest, response: HttpResponse) -> None:
    """Set the cookie if this request minted the secret, or asked to renew it."""
    secret = getattr(request, "_browser", None)
    if secret and (request.COOKIES.get(COOKIE) != secret or hasattr(request, "_browser_is_renewed")):
        response.set_cookie(
            COOKIE, secret, max_age=COOKIE_SECONDS, secure=settings.IS_HTTPS, httponly=True, samesite="Lax"
        )


def client_address(request: HttpRequest) -> str:
    """The client's address as our outermost trusted proxy saw it; what a client says of itself counts for nothing.

    With n trusted proxies the n-th entry of X-Forwarded-For from the right was written by the outermost of them.
    """
    count = settings.TRUSTED_PROXY_COUNT
    entries = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    forwarded = entries[-count] if 0 < count <= len(entries) else ""
    return _address(forwarded) or _address(request.META.get("REMOTE_ADDR", "")) or NO_ADDRESS


def address_block(address: str) -> str:
    """What limits count: an IPv4 address, or the /64 one IPv6 customer is given."""
    parsed = ipaddress.ip_address(address)
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def is_near(one: str, other: str) -> bool:
    """Whether two addresses speak for one place: the same IPv4 /24 or IPv6 /64 (security.md 2.2).

    An address nobody knows is near to nothing; neither is loopback but where one tries things out, for otherwise it
    means a proxy that TRUSTED_PROXY_COUNT doesn't know of, behind which all the world looks alike.
    """
    here, there = ipaddress.ip_address(one), ipaddress.ip_address(other)
    if here.is_unspecified or (here.is_loopback and not settings.HAS_DEMO):
        return False
    size = 24 if here.version == 4 else 64
    return here.version == there.version and there in ipaddress.ip_network((here, size), strict=False)


def _address(text: str) -> str:
    """`text` as a plain address, or nothing; some proxies add a port, an IPv4 client may look like IPv6."""
    text = text.strip()
    if with_port := re.fullmatch(r"\[(.+)\](?::\d+)?|([\d.]+):\d+", text):
        text = with_port[1] or with_port[2]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)


# The first that matches counts: most browsers also name those they want to be taken for.
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
    """Browser and system in words, each "" if it can't be told. A user agent is a claim, not a fact."""
    return _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)


def name_browser(user_agent: str) -> str:
    """The same as one phrase."""
    browser, system = describe_browser(user_agent)
    return in_words(browser or _("Unknown browser"), system)


def in_words(browser: str, system: str) -> str:
    """Such as "Chrome on Windows"."""
    return _("%(browser)s on %(system)s") % {"browser": browser, "system": system} if system else browser


def is_hand_held(request: HttpRequest) -> bool:
    """Whether this is a phone or a tablet, by its own word: it can't scan what it shows itself."""
    _browser, system = describe_browser(request.headers.get("user-agent", ""))
    return request.headers.get("sec-ch-ua-mobile") == "?1" or system in HAND_HELD


def _first(names: list[tuple[str, str]], user_agent: str) -> str:
    return next((name for pattern, name in names if re.search(pattern, user_agent)), "")


def passkeys_are_offered(request: HttpRequest) -> bool:
    """Browsers know passkeys on https and on localhost only, and never for a bare address."""
    host = split_domain_port(request.get_host())[0]
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return request.is_secure()
    return False
