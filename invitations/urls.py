"""URLs of join links, applications and batches."""

from django.urls import path

from invitations.applications import apply_views as apply
from invitations.applications import decision_views as decisions
from invitations.applications import join_views as join
from invitations.applications import status_views as join_status
from invitations.applications import views as applications
from invitations.batches import views as batches
from invitations.colleagues import views as colleagues
from invitations.links import settings_views as joining
from invitations.links import views as links
from invitations.overview import views as overview

app_name = "invitations"
console_urls = [
    path("console/", overview.overview, name="overview"),
    path("console/joining/", joining.joining, name="joining"),
    path("console/joining/reset/", joining.joining_reset, name="joining_reset"),
    path("console/joining/qr.svg", joining.joining_qr_svg, name="joining_qr_svg"),
    path("console/joining/qr.png", joining.joining_qr_png, name="joining_qr_png"),
    path("console/joining/poster/", joining.joining_poster, name="joining_poster"),
    path("console/joining/links/", links.link_list, name="link_list"),
    path("console/joining/links/new/", links.link_new, name="link_new"),
    path("console/joining/links/<int:id>/", links.link_detail, name="link_detail"),
    path("console/joining/links/<int:id>/edit/", links.link_edit, name="link_edit"),
    path("console/joining/links/<int:id>/revoke/", links.link_revoke, name="link_revoke"),
    path("console/joining/links/<int:id>/qr.svg", links.link_qr_svg, name="link_qr_svg"),
    path("console/joining/links/<int:id>/qr.png", links.link_qr_png, name="link_qr_png"),
    path("console/joining/links/<int:id>/poster/", links.link_poster, name="link_poster"),
    path("console/invitations/", batches.batch_list, name="batch_list"),
    path("console/invitations/new/", batches.batch_new, name="batch_new"),
    path("console/invitations/quiet/", batches.quiet_edit, name="quiet_edit"),
    path("console/invitations/<int:id>/", batches.batch_detail, name="batch_detail"),
    path("console/applications/", applications.application_list, name="application_list"),
    path("console/applications/inviters/", applications.inviter_list, name="inviter_list"),
    path("console/applications/export/", applications.application_export, name="application_export"),
    path("console/applications/approve/", decisions.application_approve_many, name="application_approve_many"),
    path("console/applications/reject/", decisions.application_reject_many, name="application_reject_many"),
    path("console/applications/decisions/<int:id>/", decisions.decision_detail, name="decision_detail"),
    path("console/applications/<int:id>/", applications.application_detail, name="application_detail"),
    path("console/applications/<int:id>/edit/", applications.application_edit, name="application_edit"),
    path("console/applications/<int:id>/approve/", applications.application_approve, name="application_approve"),
    path("console/applications/<int:id>/reject/", applications.application_reject, name="application_reject"),
]
applicant_urls = [
    path("j/", join.join, name="join"),
    path("j/send/", join.join_send, name="join_send"),
    path("j/resend/", join.join_resend, name="join_resend"),
    path("j/code/", join.join_code, name="join_code"),
    path("j/prefix/", apply.join_prefix, name="join_prefix"),
    path("j/apply/", apply.join_apply, name="join_apply"),
    path("j/member/", apply.join_as_member, name="join_as_member"),
    path("j/status/", join_status.join_status, name="join_status"),
    path("j/status/again/", join_status.join_again, name="join_again"),
    path("j/status/withdraw/", join_status.join_withdraw, name="join_withdraw"),
    path("j/<str:token>/", join.join_open, name="join_open"),
    path("a/<str:token>/", join_status.decision_open, name="decision_open"),
]
member_urls = [
    path("mailbox/colleagues/", colleagues.colleague_list, name="colleague_list"),
    path("mailbox/colleagues/qr.svg", colleagues.colleague_qr_svg, name="colleague_qr_svg"),
    path("mailbox/colleagues/qr.png", colleagues.colleague_qr_png, name="colleague_qr_png"),
]

urlpatterns = [*console_urls, *applicant_urls, *member_urls]
