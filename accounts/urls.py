"""Routes of accounts."""

from django.urls import path

from accounts.views import devices, enterprise, messages, sign_in

app_name = "accounts"
urlpatterns = [
    path("login/", sign_in.login, name="login"),
    path("login/code/", sign_in.login_code, name="login_code"),
    path("login/code/send/", sign_in.login_code_send, name="login_code_send"),
    path("login/password/", sign_in.login_password, name="login_password"),
    path("logout/", sign_in.logout, name="logout"),
    path("mailbox/devices/", devices.device_list, name="device_list"),
    path("mailbox/devices/end/", devices.device_end_all, name="device_end_all"),
    path("mailbox/devices/<int:id>/end/", devices.device_end, name="device_end"),
    path("console/messages/", messages.message_list, name="message_list"),
    path("console/settings/", enterprise.settings, name="settings"),
]
