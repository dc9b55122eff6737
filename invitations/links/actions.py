"""Join links: create them, find them by their token, count their uses.

A token is 128 random bits. The token of a member's own link is a MAC of the member's id, followed by that id, so that
the link can be shown without being stored; its row is created when somebody first applies by it.
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
from core.encryption import DecryptionFailed, decrypt, encrypt, keyed_digests
from directory.models import Member
from invitations.models import JoinLink, JoinSettings

TOKEN_LENGTH = 22
DEFAULT = Q(name="", inviter=None, revoked_at=None)


class LinkStatus(StrEnum):
    """Whether a link can be used, and if not, why."""

    ACTIVE = "active"
    CLOSED = "closed"
    REVOKED = "revoked"
    EXPIRED = "expired"
    FULL = "full"


class LinkUsedUp(Exception):
    """The last use was taken, or the link expired or was revoked, after it was read."""


def open_joining(enterprise: Enterprise, *, by: Actor) -> None:
    """Create the settings and the default link, in the transaction that opens the enterprise."""
    JoinSettings.objects.create(enterprise=enterprise)
    issue_link(enterprise, by=by)


def default_link(enterprise: Enterprise) -> JoinLink:
    return JoinLink.objects.get(DEFAULT, enterprise=enterprise)


def reset_link(enterprise: Enterprise, *, by: Actor) -> JoinLink:
    """Replace the default link; the previous one stops working."""
    with recording(enterprise, by=by) as record:
        enterprise.join_links.filter(DEFAULT).update(revoked_at=timezone.now())
        link = issue_link(enterprise, by=by)
        record("join_link_reset", link)
    return link


def issue_link(enterprise: Enterprise, *, by: Actor, **fields: Any) -> JoinLink:
    """Create a link with a new token, in the caller's transaction; without `fields` it is the default link."""
    token = secrets.token_urlsafe(16)
    digest, encrypted = digest_of(token), encrypt({"token": token})
    return JoinLink.objects.create(
        enterprise=enterprise, token_digest=digest, encrypted_token=encrypted, created_by=by.user, **fields
    )


def url_of(link: JoinLink) -> str:
    """Return the absolute address, "" if the token can't be decrypted because SECRET_KEY was changed."""
    try:
        return _url(decrypt(link.encrypted_token)["token"])
    except DecryptionFailed:
        return ""


def colleague_link_url(member: Member) -> str:
    """Return the absolute address of a member's own link."""
    return _url(_colleague_tokens(member.pk)[0])


def find_link(token: str) -> JoinLink | None:
    """Return the link of a token in any status, None if it was never issued. A member's own link may not be saved."""
    return _with_relations().filter(token_digest=digest_of(token)).first() or _colleague_link(token)


def get_link(reference: str) -> JoinLink | None:
    """Return the link that `reference_of` returned this reference for."""
    kind, id = reference[:1], reference[1:]
    if kind == "m":
        return _colleague_link(_colleague_tokens(int(id))[0])
    return _with_relations().filter(pk=int(id)).first()


def reference_of(link: JoinLink) -> str:
    """Return how a cookie names the link: by id, never by token."""
    return f"l{link.pk}" if link.pk else f"m{link.inviter_id}"


def status_of(link: JoinLink) -> LinkStatus:
    """Return the current status; `link.enterprise` must be fresh, for it may have closed joining."""
    own = own_status(link)
    return own if own == LinkStatus.REVOKED or link.enterprise.is_joining_open else LinkStatus.CLOSED


def own_status(link: JoinLink) -> LinkStatus:
    """Return the status that the link has while joining is open."""
    if link.revoked_at or (link.inviter and not is_inviting(link.inviter)):
        return LinkStatus.REVOKED
    if link.expires_at and link.expires_at <= timezone.now():
        return LinkStatus.EXPIRED
    if link.uses_max is not None and link.uses >= link.uses_max:
        return LinkStatus.FULL
    return LinkStatus.ACTIVE


def has_status(status: LinkStatus) -> Q:
    """Return the condition of the links with this `own_status`, except for members' own links."""
    now = timezone.now()
    if status == LinkStatus.REVOKED:
        return Q(revoked_at__isnull=False)
    is_expired, is_full = Q(expires_at__lte=now), Q(uses__gte=F("uses_max"))
    in_time, has_room = Q(expires_at=None) | Q(expires_at__gt=now), Q(uses_max=None) | Q(uses__lt=F("uses_max"))
    conditions = {
        LinkStatus.EXPIRED: is_expired,
        LinkStatus.FULL: in_time & is_full,
        LinkStatus.ACTIVE: in_time & has_room,
    }
    return Q(revoked_at=None) & conditions[status]


def use_link(link: JoinLink) -> JoinLink:
    """Count one use, in the caller's transaction, and save a member's own link with its first. Raises LinkUsedUp.

    A use is an application or an admission, whatever becomes of it later. One UPDATE checks and counts, so that the cap
    holds however many people join at once.
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
    if not JoinLink.objects.filter(has_status(LinkStatus.ACTIVE), pk=link.pk).update(uses=F("uses") + 1):
        raise LinkUsedUp
    return link


def is_inviting(member: Member) -> bool:
    """True if the member may invite colleagues, which requires that they have joined."""
    return member.status == Member.Status.ACTIVE and member.deleted_at is None


def digest_of(token: str) -> str:
    """Return what the table stores instead of the token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _with_relations() -> QuerySet[JoinLink]:
    return JoinLink.objects.select_related("enterprise", "inviter", "department", "domain")


def _colleague_link(token: str) -> JoinLink | None:
    try:
        id = base36_to_int(token[TOKEN_LENGTH:])
    except ValueError:
        return None
    if not any(hmac.compare_digest(own.encode(), token.encode()) for own in _colleague_tokens(id)):
        return None
    saved = _with_relations().filter(token_digest=digest_of(token)).first()
    member = Member.objects.select_related("enterprise").filter(pk=id).first()
    if saved or not member:
        return saved
    return JoinLink(
        enterprise=member.enterprise,
        inviter=member,
        token_digest=digest_of(token),
        encrypted_token=encrypt({"token": token}),
    )


def _colleague_tokens(member_id: int) -> list[str]:
    """Return a MAC of 128 bits and the id that it authenticates, for each secret key, the current one first."""
    digests = keyed_digests(str(member_id).encode(), "colleague's link")
    macs = [urlsafe_b64encode(bytes.fromhex(digest)[:16]).decode().rstrip("=") for digest in digests]
    return [mac + int_to_base36(member_id) for mac in macs]


def _url(token: str) -> str:
    return f"{settings.PUBLIC_URL}/j/{token}/"
