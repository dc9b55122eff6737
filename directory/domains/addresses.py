"""Rules of mail addresses, accounts and domains (product.md, "Rules that hold everywhere", 1 and 4).

Each `clean_…` returns the normalized text or raises ValidationError with the message for its field.
"""

import re
import unicodedata
from ipaddress import ip_address
from urllib.parse import urlsplit

import idna
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

PREFIX_MAX = 64
ACCOUNT_MAX = 64
DOMAIN_MAX = 253

# Operational mailboxes of RFC 2142, those that certificate authorities write to (CA/Browser Forum 3.2.2.4.4), and names
# of automatic senders. Names that a business uses itself (info, sales, support) are not reserved.
RESERVED = (
    "postmaster", "abuse", "hostmaster", "webmaster", "admin", "administrator", "root", "noc", "security", "usenet",
    "news", "uucp", "www", "ftp", "ssladmin", "sslwebmaster", "sysadmin", "mailer-daemon", "noreply", "no-reply",
    "donotreply", "do-not-reply", "bounce", "bounces",
)  # fmt: skip


# All rules of `clean_prefix` in one: checked first, because nearly every prefix is valid.
_GOOD_PREFIX = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", re.ASCII)


def clean_prefix(text: str) -> str:
    """Return the part before the @ in lower case, full-width characters as ASCII."""
    prefix = _narrow(text).lower()
    if _GOOD_PREFIX.fullmatch(prefix):
        return _check_length(prefix, PREFIX_MAX)
    if not prefix:
        raise ValidationError(_("Enter the mailbox prefix."))
    if "@" in prefix:
        raise ValidationError(_("Enter only the part before the @."))
    invalid = re.search(r"[^a-z0-9._-]", prefix)
    if invalid:
        raise ValidationError(
            _("%(sign)s isn't allowed in an address. Use letters a–z, digits, periods, hyphens, and underscores."),
            params={"sign": _show(invalid.group())},
        )
    if not prefix[0].isalnum() or not prefix[-1].isalnum():
        raise ValidationError(_("Start and end with a letter or digit."))
    doubled = re.search(r"[._-]{2}", prefix)
    if doubled:
        raise ValidationError(
            _("Two symbols can't be next to each other: “%(signs)s”."), params={"signs": doubled.group()}
        )
    return _check_length(prefix, PREFIX_MAX)


def clean_account(text: str) -> str:
    """Return the account, whose case is kept but does not distinguish; "" if blank, for the action to choose one."""
    account = _narrow(text)
    if not account:
        return ""
    invalid = re.search(r"[^A-Za-z0-9_.@-]", account)
    if invalid:
        raise ValidationError(
            _("%(sign)s isn't allowed in an account. Use letters a–z, digits, and _ - @ ."),
            params={"sign": _show(invalid.group())},
        )
    if not account[0].isalnum():
        raise ValidationError(_("Start the account with a letter or digit."))
    return _check_length(account, ACCOUNT_MAX)


def clean_domain(text: str) -> str:
    """Return the domain in ASCII (例子.公司 as xn--…) and lower case, without a trailing dot."""
    domain = _narrow(text).lower().removeprefix("@").replace("。", ".").removesuffix(".")
    if not domain:
        raise ValidationError(_("Enter the domain, such as example.com."))
    if re.search(r"[/:@\s]", domain):
        raise ValidationError(_("Enter only the domain, such as example.com."))
    try:
        ascii_domain = idna.encode(domain, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        raise ValidationError(_("This isn't a valid domain name.")) from None
    if "." not in ascii_domain or ascii_domain.rsplit(".", 1)[1].isdigit() or "_" in ascii_domain:
        raise ValidationError(_("This isn't a valid domain name. Enter it like example.com."))
    return _check_length(ascii_domain, DOMAIN_MAX)


def clean_host(text: str) -> str:
    """Return the mail server as `host` or `host:port`; "" if blank."""
    line = _narrow(text).lower()
    if not line:
        return ""
    host, colon, port = line.rpartition(":") if ":" in line else (line, "", "")
    if colon and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= 65535):
        raise ValidationError(_("The port must be a number from 1 to 65535."))
    return f"{_clean_host_name(host)}{colon}{int(port) if port else ''}"


def clean_webmail_url(text: str) -> str:
    """Return an http or https URL; "" if blank. Other schemes could run a script when the link is clicked."""
    url = _narrow(text)
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        has_host = False
    if not has_host or parts.scheme not in {"http", "https"} or re.search(r"[\s\\<>\"]", url) or parts.username:
        raise ValidationError(_("Enter an address that starts with https:// or http://."))
    return _check_length(url, 500)


def split_address(text: str) -> tuple[str, str]:
    """Return "a@b" as ("a", "b"), and "a" as ("a", "")."""
    local, _at, domain = _narrow(text).rpartition("@") if "@" in _narrow(text) else (_narrow(text), "", "")
    return local, domain


def _clean_host_name(host: str) -> str:
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    if not re.fullmatch(
        r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", host
    ):
        raise ValidationError(_("Enter a server such as imap.example.com or imap.example.com:993."))
    return host


def _narrow(text: str) -> str:
    """Convert full-width characters to ASCII, remove zero-width ones and surrounding whitespace."""
    if not text or text.isascii():
        return (text or "").strip()
    return re.sub("[\u200b-\u200f\u2060\ufeff]", "", unicodedata.normalize("NFKC", text)).strip()


def _show(character: str) -> str | Promise:
    """Return a character as the subject of a sentence."""
    if character.isspace():
        return gettext_lazy("A space")
    return f"“{character}”" if character.isprintable() else f"U+{ord(character):04X}"


def _check_length(text: str, limit: int) -> str:
    if len(text) > limit:
        raise ValidationError(
            _("Use at most %(limit)d characters. This has %(length)d."),
            params={"limit": limit, "length": len(text)},
        )
    return text
