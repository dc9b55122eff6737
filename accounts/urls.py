from django.urls import path

from accounts.audit_log import views as audit
from accounts.devices import views as devices
from accounts.enterprise import views as enterprise
from accounts.messages import views as messages
from accounts.qr_sign_in import views as qr
from accounts.second_factor import challenge_views as second_factor
from accounts.security import views as factors
from accounts.sign_in import views as sign_in
from accounts.wechat import views as wechat

app_name = "accounts"
urlpatterns = [
    path("login/", sign_in.login, name="login"),
    path("login/code/", sign_in.login_code, name="login_code"),
    path("login/code/send/", sign_in.login_code_send, name="login_code_send"),
    path("login/password/", sign_in.login_password, name="login_password"),
    path("login/factor/", second_factor.login_factor, name="login_factor"),
    path("login/factor/passkey/", second_factor.login_factor_passkey, name="login_factor_passkey"),
    path("login/passkey/", second_factor.login_passkey, name="login_passkey"),
    path("login/passkey/options/", second_factor.login_passkey_options, name="login_passkey_options"),
    path("confirm/", second_factor.confirm, name="confirm"),
    path("q/", qr.qr_new, name="qr_new"),
    path("q/<str:token>/", qr.qr_confirm, name="qr_confirm"),
    path("q/<str:token>/scan/", qr.qr_scan, name="qr_scan"),
    path("q/<str:token>/approve/", qr.qr_approve, name="qr_approve"),
    path("q/<str:token>/decline/", qr.qr_decline, name="qr_decline"),
    path("q/<str:token>/wait/", qr.qr_wait, name="qr_wait"),
    path("q/<str:token>/state/", qr.qr_state, name="qr_state"),
    path("q/<str:token>/claim/", qr.qr_claim, name="qr_claim"),
    path("login/weixin/", wechat.wechat_login, name="wechat_login"),
    path("login/weixin/callback/", wechat.wechat_callback, name="wechat_callback"),
    path("login/weixin/phone/", wechat.wechat_phone, name="wechat_phone"),
    path("login/weixin/code/", wechat.wechat_code, name="wechat_code"),
    path("login/weixin/code/send/", wechat.wechat_code_send, name="wechat_code_send"),
    path("logout/", sign_in.logout, name="logout"),
    path("mailbox/devices/", devices.device_list, name="device_list"),
    path("mailbox/devices/end/", devices.device_end_all, name="device_end_all"),
    path("mailbox/devices/<int:id>/end/", devices.device_end, name="device_end"),
    path("mailbox/factors/", factors.factor_list, name="factor_list"),
    path("mailbox/factors/new/", factors.factor_new, name="factor_new"),
    path("mailbox/factors/passkeys/new/", factors.passkey_new, name="passkey_new"),
    path("mailbox/factors/passkeys/new/options/", factors.passkey_new_options, name="passkey_new_options"),
    path("mailbox/factors/<int:id>/rename/", factors.factor_rename, name="factor_rename"),
    path("mailbox/factors/<int:id>/remove/", factors.factor_remove, name="factor_remove"),
    path("mailbox/factors/recovery/", factors.recovery_code_list, name="recovery_code_list"),
    path("mailbox/factors/recovery/new/", factors.recovery_code_new, name="recovery_code_new"),
    path("mailbox/factors/recovery/kept/", factors.recovery_code_kept, name="recovery_code_kept"),
    path("mailbox/password/", factors.password_edit, name="password_edit"),
    path("mailbox/devices/<int:id>/know/", devices.device_know, name="device_know"),
    path("mailbox/devices/weixin/bind/", wechat.wechat_bind, name="wechat_bind"),
    path("mailbox/devices/weixin/<int:id>/unbind/", wechat.wechat_unbind, name="wechat_unbind"),
    path("console/messages/", messages.message_list, name="message_list"),
    path("console/audit/", audit.audit_list, name="audit_list"),
    path("console/audit/<int:id>/", audit.audit_detail, name="audit_detail"),
    path("console/audit/check/", audit.audit_check, name="audit_check"),
    path("console/audit/export.xlsx", audit.audit_export, name="audit_export"),
    path("console/messages/<int:id>/confirm/", messages.message_confirm, name="message_confirm"),
    path("console/settings/", enterprise.settings, name="settings"),
]
