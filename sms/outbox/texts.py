"""The text of each message. A gateway without free text gets the template's key and parameters instead."""

from __future__ import annotations

import re
import unicodedata

from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

MASK = "••••••"
TEMPLATES = {
    # A code stands alone as six digits, without a link; a link ends the text.
    "code": _(
        "[%(enterprise)s] Code No. %(serial)s to %(purpose)s: %(code)s. Valid for %(minutes)s minutes. "
        "Never share it with anyone."
    ),
    "invitation": _(
        "[%(enterprise)s] %(name)s, your mailbox is ready. Open this link within %(days)s days to join: %(link)s"
    ),
    "recovery": _(
        "[%(enterprise)s] %(name)s, here is your link to sign in again. If you didn't request it, ignore this "
        "message. Open it within %(days)s days: %(link)s"
    ),
    "approved": _("[%(enterprise)s] %(name)s, your request to join was approved and your mailbox is ready: %(link)s"),
    "rejected": _("[%(enterprise)s] %(name)s, your request to join was not approved. See why: %(link)s"),
}
PURPOSES = {
    "login": _("sign in"),
    "join": _("join"),
    "apply": _("request to join"),
    "return": _("sign in"),
    "confirm": _("confirm it's you"),
    "wechat": _("link WeChat"),
}
# The sender if there is no enterprise: the sign-in page doesn't reveal which enterprises know a number.
BRAND = _("Mail directory")
NAMES = {"enterprise", "name"}

_LINK = re.compile(r"(?:\w+://|www\.)\S*", re.IGNORECASE)
# Also the dots that IDNA or NFKC read as one, which some phones link too.
_DOT_IN_WORD = re.compile(r"(?<=\w)[.。．｡․﹒︒](?=\w)")
_LONE_SIX_DIGITS = re.compile(r"(?<!\d)(\d{3})(\d{3})(?!\d)")


def render_text(template: str, params: dict[str, str], language: str) -> str:
    """Return the text of a message. `params` include the secrets, or their masks."""
    with override(language):
        words = {key: plain_name(value) if key in NAMES else value for key, value in params.items()}
        words["enterprise"] = words.get("enterprise") or str(BRAND)
        if "purpose" in words:
            words["purpose"] = str(PURPOSES[words["purpose"]])
        return str(TEMPLATES[template]) % words


def mask_secrets(secrets: dict[str, str]) -> dict[str, str]:
    return dict.fromkeys(secrets, MASK)


def plain_name(name: str) -> str:
    """Return the name without anything that looks like a signature, a link, a second line or a code."""
    line = " ".join(name.split())
    visible = "".join(
        character for character in line if unicodedata.category(character)[0] != "C" and character not in "【】[]"
    )
    unlinked = _DOT_IN_WORD.sub("·", _LINK.sub("", visible))
    return " ".join(_LONE_SIX_DIGITS.sub(r"\1 \2", unlinked).split())
