"""Routes of directory."""

from django.urls import URLPattern, path

from directory.administrators import views as administrators
from directory.bulk_actions import export_views, invite_views
from directory.bulk_actions import member_views as member_many
from directory.bulk_actions import views as bulk_actions
from directory.departments import views as departments
from directory.domains import views as domains
from directory.entry import mailbox_views as mailbox
from directory.imports import views as imports
from directory.joining import activation_views as activation
from directory.joining import choice_views as entering
from directory.joining import invitation_views as invitation
from directory.members import recycle_bin_views as member_bin
from directory.members import views as members

app_name = "directory"

members_in_the_console: list[URLPattern] = [
    path("console/members/", members.member_list, name="member_list"),
    path("console/members/export/", export_views.member_export, name="member_export"),
    path("console/members/new/", members.member_new, name="member_new"),
    path("console/members/delete/", member_many.member_delete_many, name="member_delete_many"),
    path("console/members/restore/", member_many.member_restore_many, name="member_restore_many"),
    path("console/members/disable/", member_many.member_disable_many, name="member_disable_many"),
    path("console/members/enable/", member_many.member_enable_many, name="member_enable_many"),
    path("console/members/invite/", invite_views.member_invite_many, name="member_invite_many"),
    path("console/members/bulk/", bulk_actions.bulk_action_list, name="bulk_action_list"),
    path("console/members/bulk/<int:id>/", bulk_actions.bulk_action_detail, name="bulk_action_detail"),
    path("console/members/bulk/<int:id>/cancel/", bulk_actions.bulk_action_cancel, name="bulk_action_cancel"),
    path("console/members/bulk/<int:id>/members.xlsx", bulk_actions.bulk_action_file, name="bulk_action_file"),
    path("console/members/<int:id>/", members.member_detail, name="member_detail"),
    path("console/members/<int:id>/edit/", members.member_edit, name="member_edit"),
    path("console/members/<int:id>/invite/", members.member_invite, name="member_invite"),
    path("console/members/<int:id>/code/", members.member_code, name="member_code"),
    path("console/members/<int:id>/disable/", members.member_disable, name="member_disable"),
    path("console/members/<int:id>/enable/", members.member_enable, name="member_enable"),
    path("console/members/<int:id>/delete/", member_bin.member_delete, name="member_delete"),
    path("console/members/<int:id>/restore/", member_bin.member_restore, name="member_restore"),
    path("console/members/<int:id>/erase/", member_bin.member_erase, name="member_erase"),
    path("console/departments/", departments.department_list, name="department_list"),
    path("console/departments/options/", departments.department_options, name="department_options"),
    path("console/departments/new/", departments.department_new, name="department_new"),
    path("console/departments/<int:id>/edit/", departments.department_edit, name="department_edit"),
    path("console/departments/<int:id>/move/", departments.department_move, name="department_move"),
    path("console/departments/<int:id>/delete/", departments.department_delete, name="department_delete"),
    path("console/imports/", imports.import_list, name="import_list"),
    path("console/imports/template/", imports.import_template, name="import_template"),
    path("console/imports/<int:id>/", imports.import_detail, name="import_detail"),
    path("console/imports/<int:id>/apply/", imports.import_apply, name="import_apply"),
    path("console/imports/<int:id>/cancel/", imports.import_cancel, name="import_cancel"),
    path("console/imports/<int:id>/repair/", imports.import_repair, name="import_repair"),
    path("console/imports/<int:id>/invite/", imports.import_invite, name="import_invite"),
    path("console/imports/<int:id>/undo/", imports.import_undo, name="import_undo"),
    path("console/imports/<int:id>/failed.xlsx", imports.import_failed, name="import_failed"),
    path("console/imports/<int:id>/codes.xlsx", imports.import_codes, name="import_codes"),
    path("console/administrators/", administrators.administrator_list, name="administrator_list"),
    path("console/administrators/new/", administrators.administrator_new, name="administrator_new"),
    path("console/administrators/<int:id>/edit/", administrators.administrator_edit, name="administrator_edit"),
    path("console/administrators/<int:id>/reset/", administrators.administrator_reset, name="administrator_reset"),
    path("console/administrators/<int:id>/remove/", administrators.administrator_remove, name="administrator_remove"),
    path("console/settings/domains/", domains.domain_list, name="domain_list"),
    path("console/settings/domains/new/", domains.domain_new, name="domain_new"),
    path("console/settings/domains/<int:id>/edit/", domains.domain_edit, name="domain_edit"),
]
a_members_own_way: list[URLPattern] = [
    path("", entering.home, name="home"),
    path("choose/", entering.choose, name="choose"),
    path("choose/<int:id>/", entering.choose_enter, name="choose_enter"),
    path("choose/<int:id>/recover/", entering.choose_recover, name="choose_recover"),
    path("choose/<int:id>/join/", entering.choose_join, name="choose_join"),
    path("i/", invitation.invitation, name="invitation"),
    path("i/send/", invitation.invitation_send, name="invitation_send"),
    path("i/join/", invitation.invitation_join, name="invitation_join"),
    path("i/renew/", invitation.invitation_renew, name="invitation_renew"),
    path("i/code/", activation.activation_code, name="activation_code"),
    path("i/password/", activation.activation_password, name="activation_password"),
    path("i/passkey/", activation.activation_passkey, name="activation_passkey"),
    path("i/passkey/options/", activation.activation_passkey_options, name="activation_passkey_options"),
    path("i/<str:token>/", invitation.invitation_open, name="invitation_open"),
    path("mailbox/", mailbox.mailbox, name="mailbox"),
]

urlpatterns = [*members_in_the_console, *a_members_own_way]
