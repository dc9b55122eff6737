"""The root URLconf; each app defines complete paths."""

from django.urls import include, path

urlpatterns = [
    path("", include("sms.urls")),
    path("", include("accounts.urls")),
    path("", include("directory.urls")),
    path("", include("invitations.urls")),
    path("", include("exmail_admin.pages")),
]
handler400 = "exmail_admin.views.bad_request"
handler403 = "exmail_admin.views.permission_denied"
handler404 = "exmail_admin.views.not_found"
handler500 = "exmail_admin.views.server_error"
