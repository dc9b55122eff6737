"""Pages on which users see and end their sessions."""

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.devices.actions import end_all_devices, end_device, list_devices, trust_device
from accounts.requests import SignedInRequest
from accounts.sign_in.decorators import signed_in_page
from accounts.sign_in.restrictions import inside_page
from accounts.sign_in.wechat_choice import WechatOption, wechat_option
from accounts.wechat.bindings import wechat_accounts
from core.responses import post_only, see_other


@signed_in_page
@inside_page
@require_safe
def device_list(request: SignedInRequest) -> HttpResponse:
    context = {
        "devices": list_devices(request),
        "wechat_accounts": wechat_accounts(request.user),
        "may_bind_wechat": wechat_option(request) in {WechatOption.SCAN, WechatOption.WITHIN},
    }
    return render(request, "accounts/device_list.html", context)


@signed_in_page
@inside_page
@post_only("accounts:device_list")
def device_end(request: SignedInRequest, id: int) -> HttpResponse:
    row = get_object_or_404(UserSession, pk=id, user=request.user)
    end_device(request, row)
    messages.success(request, _("The device was signed out."))
    return see_other("accounts:device_list" if request.user.is_authenticated else "accounts:login")


@signed_in_page
@inside_page
@post_only("accounts:device_list")
def device_know(request: SignedInRequest, id: int) -> HttpResponse:
    trust_device(request, get_object_or_404(UserSession, pk=id, user=request.user))
    messages.success(request, _("Confirmed. The device stays signed in."))
    return see_other("accounts:device_list")


@signed_in_page
@inside_page
@post_only("accounts:device_list")
def device_end_all(request: SignedInRequest) -> HttpResponse:
    end_all_devices(request)
    messages.success(request, _("You've been signed out everywhere."))
    return see_other("accounts:login")
