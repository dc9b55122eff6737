"""Which WeChat signs in whom: bound once a phone has proven the person, and let go by them.

Between the scan and the binding the session carries what WeChat said ("weixin": a Proof). It binds itself where the
person who proved that very phone enters an enterprise, and only if no enterprise of theirs asks for more than a code:
else a code would open for ever what it may not open once.
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
KEY = "weixin"


class WeixinTaken(Exception):
    """This WeChat signs in somebody else."""


@dataclass(frozen=True)
class Proof:
    """Who WeChat says has scanned (`uid`, its unionid or openid), when (epoch seconds), and the phone (E.164) that was
    proven because of it, if one was."""

    uid: str
    nickname: str
    at: int
    phone: str = ""


def bound_weixins(user: User) -> QuerySet[SocialAccount]:
    """The WeChats that sign this user in, the oldest first."""
    return SocialAccount.objects.filter(user=user, provider=PROVIDER).order_by("pk")


def bind_weixin(user: User, proof: Proof, *, enterprise: Enterprise, by: Actor) -> bool:
    """Let this WeChat sign the user in. Whether it is new; raises WeixinTaken. The database has the last word."""
    with recording(enterprise, by=by) as record:
        account, is_new = SocialAccount.objects.get_or_create(
            provider=PROVIDER, uid=proof.uid, defaults={"user": user, "extra_data": {"nickname": proof.nickname}}
        )
        if account.user_id != user.pk:
            raise WeixinTaken
        if is_new:
            record("weixin_bound", user)
    return is_new


def unbind_weixin(account: SocialAccount, *, enterprise: Enterprise, by: Actor) -> None:
    """This WeChat signs nobody in any more. Who is signed in stays so."""
    with recording(enterprise, by=by) as record:
        record("weixin_unbound", account.user)
        account.delete()


def delete_wechat_bindings(user: User) -> int:
    """For a person who begins anew with a number others may have had. How many were bound."""
    return bound_weixins(user).delete()[0]


def adopt_unionid(openid: str, unionid: str) -> None:
    """The operator's app was linked to others since this WeChat was bound: from now on it is known by its unionid."""
    try:
        with transaction.atomic():
            SocialAccount.objects.filter(provider=PROVIDER, uid=openid).update(uid=unionid)
    except IntegrityError:
        # Known by both: the unionid's is the one that counts.
        SocialAccount.objects.filter(provider=PROVIDER, uid=openid).delete()


def carry(request: HttpRequest, proof: Proof) -> None:
    request.session[KEY] = asdict(proof)


def carried_proof(request: HttpRequest) -> Proof | None:
    """What WeChat said in this session within ACCOUNTS_PROOF_SECONDS."""
    proof = Proof(**request.session[KEY]) if KEY in request.session else None
    return proof if proof and time.time() - proof.at < settings.ACCOUNTS_PROOF_SECONDS else None


def prove_with(proof: Proof, phone: str) -> Proof:
    """The same, once this phone (E.164) was proven by a code that the scan asked for."""
    return replace(proof, phone=phone)


def bind_carried(request: PublicRequest, enterprise: Enterprise) -> None:
    """The person is inside `enterprise` now: bind the WeChat whose scan has led them here."""
    proof, user = carried_proof(request), request.user
    if proof and proof.phone and isinstance(user, User) and str(user.phone) == proof.phone:
        bind_and_tell(request, proof, enterprise)


def bind_and_tell(request: PublicRequest, proof: Proof, enterprise: Enterprise) -> None:
    """Bind WeChat to whoever is signed in, inside `enterprise`, and tell them what came of it."""
    assert isinstance(request.user, User)
    if not get_membership().session_is_unrestricted(request):
        messages.warning(request, _("WeChat is not bound: one of your enterprises asks you to scan with your phone."))
        return
    request.session.pop(KEY, None)
    try:
        bind_weixin(request.user, proof, enterprise=enterprise, by=request.actor)
    except WeixinTaken:
        messages.error(request, _("This WeChat signs in somebody else already. They have to unbind it first."))
    else:
        messages.success(request, _("WeChat is bound: from now on a scan with it signs you in."))
