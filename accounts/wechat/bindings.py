"""Bind WeChat accounts to users, whose phone has been proven first.

Between scan and binding, the session stores the scanned account (key "wechat": a Proof). It is bound when the user with
the proven phone enters an enterprise, unless the session is restricted: otherwise a phone code would permanently open
what it may not open once.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, recording
from accounts.membership import get_membership
from accounts.models import Enterprise, User
from accounts.requests import PublicRequest

PROVIDER = "weixin"
KEY = "wechat"


class WechatTaken(Exception):
    """The WeChat account is bound to another user."""


@dataclass(frozen=True)
class Proof:
    """A scan: WeChat's unionid or openid, the time (epoch seconds), and the phone (E.164) proven since, if any."""

    uid: str
    nickname: str
    at: int
    phone: str = ""


def wechat_accounts(user: User) -> QuerySet[SocialAccount]:
    """Return the WeChat accounts bound to the user, oldest first."""
    return SocialAccount.objects.filter(user=user, provider=PROVIDER).order_by("pk")


def bind_wechat(user: User, proof: Proof, *, enterprise: Enterprise, by: Actor) -> bool:
    """Bind the WeChat account to the user. Return True if it is new. Raise WechatTaken."""
    with recording(enterprise, by=by) as record:
        account, is_new = SocialAccount.objects.get_or_create(
            provider=PROVIDER, uid=proof.uid, defaults={"user": user, "extra_data": {"nickname": proof.nickname}}
        )
        if account.user_id != user.pk:
            raise WechatTaken
        if is_new:
            record("wechat_bound", user)
    return is_new


def unbind_wechat(account: SocialAccount, *, enterprise: Enterprise, by: Actor) -> None:
    with recording(enterprise, by=by) as record:
        record("wechat_unbound", account.user)
        account.delete()


def delete_wechat_bindings(user: User) -> int:
    """Unbind all, because the user's phone may have belonged to someone else before. Return how many."""
    return wechat_accounts(user).delete()[0]


def adopt_unionid(openid: str, unionid: str) -> None:
    """Rename the account from its openid to its unionid, which WeChat sends once the operator links several apps."""
    try:
        with transaction.atomic():
            SocialAccount.objects.filter(provider=PROVIDER, uid=openid).update(uid=unionid)
    except IntegrityError:
        # Both are bound; the unionid's binding counts.
        SocialAccount.objects.filter(provider=PROVIDER, uid=openid).delete()


def store_proof(request: HttpRequest, proof: Proof) -> None:
    request.session[KEY] = asdict(proof)


def stored_proof(request: HttpRequest) -> Proof | None:
    """Return the session's scan, unless it is older than ACCOUNTS_PROOF_SECONDS."""
    proof = Proof(**request.session[KEY]) if KEY in request.session else None
    return proof if proof and time.time() - proof.at < settings.ACCOUNTS_PROOF_SECONDS else None


def prove_with(proof: Proof, phone: str) -> Proof:
    return replace(proof, phone=phone)


def bind_stored_proof(request: PublicRequest, enterprise: Enterprise) -> None:
    """Bind the scanned account if the user who enters `enterprise` has its proven phone."""
    proof, user = stored_proof(request), request.user
    if proof and proof.phone and isinstance(user, User) and str(user.phone) == proof.phone:
        bind_with_message(request, proof, enterprise)


def bind_with_message(request: PublicRequest, proof: Proof, enterprise: Enterprise) -> None:
    """Bind WeChat to the signed-in user, and show a message with the result."""
    assert isinstance(request.user, User)
    if not get_membership().session_is_unrestricted(request):
        messages.warning(
            request, _("WeChat wasn't linked. One of your enterprises requires you to scan with your phone.")
        )
        return
    request.session.pop(KEY, None)
    try:
        bind_wechat(request.user, proof, enterprise=enterprise, by=request.actor)
    except WechatTaken:
        messages.error(request, _("This WeChat account is already linked to someone else, who has to unlink it first."))
    else:
        messages.success(request, _("WeChat is linked. From now on, you can sign in by scanning with it."))
