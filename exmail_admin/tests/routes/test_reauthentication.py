"""Which actions ask again who acts, over all routes: each that takes POST is declared here (docs/architecture.md)."""

from __future__ import annotations

import time

import pytest
from django.db import transaction

from conftest import PASSWORD, audit_events
from exmail_admin.tests.routes.test_permissions import rows

# Each with the fields that make it dangerous.
DANGEROUS: dict[str, dict[str, object]] = {
    "accounts:audit_export": {},
    "accounts:factor_new": {},
    "accounts:factor_remove": {},
    "accounts:passkey_new": {},
    "accounts:passkey_new_options": {},
    "accounts:password_edit": {},
    "accounts:recovery_code_new": {},
    "accounts:settings": {"name": "示例科技", "code_rule": "joined"},
    "accounts:wechat_bind": {},
    "directory:administrator_edit": {},
    "directory:administrator_new": {},
    "directory:administrator_remove": {},
    "directory:administrator_reset": {},
    "directory:domain_edit": {},
    "directory:domain_new": {},
    "directory:import_codes": {},
    "directory:import_undo": {},
    "directory:member_code": {},
    "directory:member_delete_many": {},
    "directory:member_disable_many": {},
    "directory:member_edit": {
        "name": "王芳",
        "account": "wangfang",
        "prefix": "wangfang",
        "domain": "example.com",
        "activation": "code",
    },
    "directory:member_erase": {},
    "directory:member_export": {},
    "invitations:application_export": {},
    "invitations:joining": {},
    "invitations:joining_reset": {},
    "invitations:link_edit": {},
    "invitations:link_new": {"name": "招聘会", "approval": "no"},
}
DANGEROUS_PAGES = [
    "accounts:factor_new",
    "accounts:password_edit",
    "directory:administrator_edit",
    "directory:administrator_new",
    "directory:administrator_remove",
    "directory:bulk_action_file",
    "directory:domain_edit",
    "directory:domain_new",
]
HARMLESS = """
accounts:audit_check accounts:confirm accounts:device_end accounts:device_end_all accounts:device_know
accounts:factor_rename accounts:login accounts:login_code accounts:login_code_send accounts:login_factor
accounts:login_factor_passkey accounts:login_passkey accounts:login_passkey_options accounts:login_password
accounts:logout accounts:message_confirm accounts:qr_approve accounts:qr_claim accounts:qr_decline accounts:qr_new
accounts:qr_scan accounts:recovery_code_kept accounts:wechat_callback accounts:wechat_code accounts:wechat_code_send
accounts:wechat_login accounts:wechat_phone accounts:wechat_unbind
directory:activation_code directory:activation_passkey directory:activation_passkey_options
directory:activation_password directory:bulk_action_cancel directory:choose_enter directory:choose_join
directory:choose_recover directory:department_delete directory:department_edit directory:department_move
directory:department_new directory:import_apply directory:import_cancel directory:import_invite directory:import_list
directory:import_repair directory:invitation_join directory:invitation_renew directory:invitation_send
directory:member_delete directory:member_disable directory:member_enable directory:member_enable_many
directory:member_invite directory:member_invite_many directory:member_new directory:member_restore
directory:member_restore_many
exmail_admin:language exmail_admin:theme
invitations:application_approve invitations:application_approve_many invitations:application_edit
invitations:application_reject invitations:application_reject_many invitations:batch_new invitations:colleague_list
invitations:colleague_qr_png invitations:colleague_qr_svg invitations:join_again invitations:join_apply
invitations:join_as_member invitations:join_code invitations:join_prefix invitations:join_resend invitations:join_send
invitations:join_withdraw invitations:link_revoke invitations:quiet_edit
sms:twilio_status
"""


@pytest.fixture
def owner(browser_of, settings):
    settings.HAS_WECHAT = True
    return browser_of("owner")


def make_late(browser, *, ago):
    session = browser.session
    session["factor_at"] = session["proved_at"] = time.time() - ago
    session.save()


def is_asked(browser, method, path, fields=None, *, ago):
    """Return whether the request is answered by the confirmation, after a proof `ago` seconds old. Undo what it did."""
    make_late(browser, ago=ago)
    with transaction.atomic():
        answer = browser.generic("GET", path) if method == "GET" else browser.post(path, fields or {})
        is_recorded = audit_events().exists()
        transaction.set_rollback(True)
    asks = answer.headers.get("Location", "").startswith("/confirm/") or b"Confirm it's you" in getattr(
        answer, "content", b""
    )
    assert not (asks and is_recorded), path
    return asks


def test_every_dangerous_action_asks_again_after_ten_minutes(owner, path_of):
    asked = {route for route, fields in DANGEROUS.items() if is_asked(owner, "POST", path_of(route), fields, ago=601)}
    assert asked == set(DANGEROUS)
    asked = {route for route in DANGEROUS_PAGES if is_asked(owner, "GET", path_of(route), ago=601)}
    assert asked == set(DANGEROUS_PAGES)


def test_within_ten_minutes_nothing_asks(owner, path_of):
    for route, fields in DANGEROUS.items():
        assert not is_asked(owner, "POST", path_of(route), fields, ago=590), route
    for route in DANGEROUS_PAGES:
        assert not is_asked(owner, "GET", path_of(route), ago=590), route


def test_every_route_that_takes_post_is_declared_dangerous_or_harmless():
    statuses = {route: answers.values() for route, method, answers in rows() if method == "POST"}
    takes_post = sorted(route for route, answers in statuses.items() if 405 not in answers)
    assert sorted([*DANGEROUS, *HARMLESS.split()]) == takes_post


def test_no_harmless_action_asks(owner, path_of):
    """What asks without need teaches people to confirm blindly."""
    asking = [route for route in HARMLESS.split() if is_asked(owner, "POST", path_of(route), ago=601)]
    assert asking == ["accounts:confirm"]


def test_what_was_typed_is_carried_through_the_question_and_then_done(owner, path_of, tenant, wang, lin):
    """Repeated fields, too; the file of an export is the answer to the proof."""
    carried = {
        "invitations:link_new": {"name": "招聘会二", "approval": "no", "uses_max": "7"},
        "directory:member_edit": DANGEROUS["directory:member_edit"],
        "directory:member_export": {"members": [str(wang.pk), str(lin.pk)]},
    }
    for route, typed in carried.items():
        make_late(owner, ago=601)
        page = owner.post(path_of(route), typed).text
        for name, values in typed.items():
            for value in values if isinstance(values, list) else [values]:
                assert f'<input type="hidden" name="{name}" value="{value}"' in page, route
        answer = owner.post(path_of(route), typed | {"proof": PASSWORD})
        assert answer.status_code == (200 if "Content-Disposition" in answer else 303), route
    assert tenant.enterprise.join_links.get(name="招聘会二").uses_max == 7
    wang.refresh_from_db()
    assert wang.activation == "code"


def test_a_new_phone_of_a_joined_member_asks(owner, lin, tenant):
    """Its owner could enter as the member."""
    typed = {"name": "林晓", "account": "linxiao", "prefix": "linxiao", "domain": "example.com", "activation": "phone"}
    path, same = f"/console/members/{lin.pk}/edit/", {"phone": "13800138001", "departments": tenant.market.pk}
    assert is_asked(owner, "POST", path, typed | same | {"phone": "13900139009"}, ago=601)
    assert not is_asked(owner, "POST", path, typed | same, ago=601)


def test_editing_a_member_who_keeps_the_way_of_joining_asks_nothing(owner, path_of):
    typed = DANGEROUS["directory:member_edit"] | {"activation": "phone", "phone": "13800138002", "position": "经理"}
    assert not is_asked(owner, "POST", path_of("directory:member_edit"), typed, ago=601)
