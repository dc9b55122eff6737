"""Join links: minted, shown, found by their token, reset (security.md 3.1).

A token is 128 random bits. A colleague's own is derived from SECRET_KEY and their id, which it names, so that it can
be shown without writing anything; its row is made when somebody first applies by it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.http import base36_to_int, int_to_base36

from accounts.audit.recording import Actor, recording
from accounts.models import Enterprise
from core.encryption import DecryptionFailed, decrypt, derive_key, encrypt
from directory.models import Member
from invitations.models import JoinLink, JoinSettings

TOKEN_LENGTH = 22
DEFAULT = Q(name="", inviter=None, revoked_at=None)


class LinkStatus(StrEnum):
    """What a link that we issued is worth now."""

    ACTIVE = "living"
    CLOSED = "closed"
    REVOKED = "revoked"
    EXPIRED = "expired"
    FULL = "full"


class LinkUsedUp(Exception):
    """The last use was taken, or the link expired or was revoked, since it was read."""


def open_joining(enterprise: Enterprise, *, by: Actor) -> None:
    """Create the settings and the default link, in the transaction that opens the enterprise."""
    JoinSettings.objects.create(enterprise=enterprise)
    issue_link(enterprise, by=by)


def default_link(enterprise: Enterprise) -> JoinLink:
    return JoinLink.objects.get(DEFAULT, enterprise=enterprise)


def reset_link(enterprise: Enterprise, *, by: Actor) -> JoinLink:
    """A fresh default link; the one before is dead at once."""
    with recording(enterprise, by=by) as record:
        enterprise.join_links.filter(DEFAULT).update(revoked_at=timezone.now())
        link = issue_link(enterprise, by=by)
        record("join_link_reset", link)
    return link


def issue_link(enterprise: Enterprise, *, by: Actor, **facts: Any) -> JoinLink:
    """A new row with a token of its own, in the caller's transaction; without facts the default link."""
    token = secrets.token_urlsafe(16)
    digest, sealed = digest_of(token), encrypt({"token": token})
    return JoinLink.objects.create(
        enterprise=enterprise, token_digest=digest, encrypted_token=sealed, created_by=by.user, **facts
    )


def url_of(link: JoinLink) -> str:
    """The whole address, as the QR code holds it; "" where the seal can't be opened (SECRET_KEY was changed)."""
    try:
        return _url(decrypt(link.encrypted_token)["token"])
    except DecryptionFailed:
        return ""


def colleague_link_url(member: Member) -> str:
    """The address of a member's own link."""
    return _url(_colleague_token(member.pk))


def find_link(token: str) -> JoinLink | None:
    """The link this token opens, whatever it is worth by now; none if we never issued it.

    A colleague's may not be saved yet.
    """
    return _links().filter(token_digest=digest_of(token)).first() or _colleague_link(token)


def get_link(mark: str) -> JoinLink | None:
    """The link that `mark_of` named."""
    kind, id = mark[:1], mark[1:]
    if kind == "m":
        return _colleague_link(_colleague_token(int(id)))
    return _links().filter(pk=int(id)).first()


def mark_of(link: JoinLink) -> str:
    """How a cookie names the link: by id, never by token."""
    return f"l{link.pk}" if link.pk else f"m{link.inviter_id}"


def status_of(link: JoinLink) -> LinkStatus:
    """What the link is worth at this moment. The switch is that of `link.enterprise` as it was read."""
    own = own_status(link)
    return own if own == LinkStatus.REVOKED or link.enterprise.is_joining_open else LinkStatus.CLOSED


def own_status(link: JoinLink) -> LinkStatus:
    """What the link is worth whenever joining is open."""
    if link.revoked_at or (link.inviter and not is_inviting(link.inviter)):
        return LinkStatus.REVOKED
    if link.expires_at and link.expires_at <= timezone.now():
        return LinkStatus.EXPIRED
    if link.uses_max is not None and link.uses >= link.uses_max:
        return LinkStatus.FULL
    return LinkStatus.ACTIVE


def those(standing: LinkStatus) -> Q:
    """The links of which `own_status` says so, colleagues' aside."""
    now = timezone.now()
    if standing == LinkStatus.REVOKED:
        return Q(revoked_at__isnull=False)
    is_expired, is_full = Q(expires_at__lte=now), Q(uses__gte=F("uses_max"))
    in_time, has_room = Q(expires_at=None) | Q(expires_at__gt=now), Q(uses_max=None) | Q(uses__lt=F("uses_max"))
    worth = {LinkStatus.EXPIRED: is_expired, LinkStatus.FULL: in_time & is_full, LinkStatus.ACTIVE: in_time & has_room}
    return Q(revoked_at=None) & worth[standing]


def use_link(link: JoinLink) -> JoinLink:
    """Count one use, in the caller's transaction; a colleague's link is saved with its first.

    A use is an application filed or a person let in; what becomes of it later doesn't give it back. Raises LinkUsedUp
    where the link died meanwhile: one statement asks and counts, so that no cap is passed however many join at once.
    """
    if link.pk is None:
        link, _created = JoinLink.objects.get_or_create(
            inviter=link.inviter,
            revoked_at=None,
            defaults={
                "enterprise": link.enterprise,
                "token_digest": link.token_digest,
                "encrypted_token": link.encrypted_token,
            },
        )
    if not JoinLink.objects.filter(those(LinkStatus.ACTIVE), pk=link.pk).update(uses=F("uses") + 1):
        raise LinkUsedUp
    return link


def is_inviting(member: Member) -> bool:
    """Only who has joined invites colleagues."""
    return member.status == Member.Status.ACTIVE and member.deleted_at is None


def digest_of(token: str) -> str:
    """What the table keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _links() -> QuerySet[JoinLink]:
    return JoinLink.objects.select_related("enterprise", "inviter", "department", "domain")


def _colleague_link(token: str) -> JoinLink | None:
    try:
        id = base36_to_int(token[TOKEN_LENGTH:])
    except ValueError:
        return None
    if not hmac.compare_digest(_colleague_token(id).encode(), token.encode()):
        return None
    saved = _links().filter(token_digest=digest_of(token)).first()
    member = Member.objects.select_related("enterprise").filter(pk=id).first()
    if saved or not member:
        return saved
    return JoinLink(
        enterprise=member.enterprise,
        inviter=member,
        token_digest=digest_of(token),
        encrypted_token=encrypt({"token": token}),
    )


def _colleague_token(member_id: int) -> str:
    """A MAC of 128 bits, then the id it is about."""
    key = derive_key(settings.SECRET_KEY, "colleague's link")
    mac = hmac.new(key, str(member_id).encode(), hashlib.sha256).digest()[:16]
    return urlsafe_b64encode(mac).decode().rstrip("=") + int_to_base36(member_id)


def _url(token: str) -> str:
    return f"{settings.PUBLIC_URL}/j/{token}/"
