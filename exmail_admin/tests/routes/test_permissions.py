"""The permission table: every route, by GET and POST, for each kind of person."""

import re

import pytest
from django.db import transaction
from django.urls import resolve, reverse

from accounts.models import Enterprise
from conftest import audit_events
from directory.models import Department, Member
from exmail_admin.tests.test_conventions import routes

PEOPLE = ("anonymous", "member", "auditor", "department_admin", "admin", "owner", "stranger")

# The stranger owns another enterprise; every id in a path is one of ours, so they find nothing there. The department
# administrator looks after the department the member is in. POSTs carry no fields: 422 is a form that was let in.
TABLE = """
sms:twilio_status             GET    405 405 405 405 405 405 405
sms:twilio_status             POST   403 403 403 403 403 403 403
accounts:login                GET    200 200 200 200 200 200 200
accounts:login                POST   422 422 422 422 422 422 422
accounts:login_code           GET    302 302 302 302 302 302 302
accounts:login_code           POST   302 302 302 302 302 302 302
accounts:login_code_send      GET    302 302 302 302 302 302 302
accounts:login_code_send      POST   303 303 303 303 303 303 303
accounts:login_password       GET    200 200 200 200 200 200 200
accounts:login_password       POST   422 422 422 422 422 422 422
accounts:login_factor         GET    302 302 302 302 302 302 302
accounts:login_factor         POST   302 302 302 302 302 302 302
accounts:login_factor_passkey GET    302 302 302 302 302 302 302
accounts:login_factor_passkey POST   303 303 303 303 303 303 303
accounts:login_passkey        GET    302 302 302 302 302 302 302
accounts:login_passkey        POST   422 422 422 422 422 422 422
accounts:login_passkey_options GET   405 405 405 405 405 405 405
accounts:login_passkey_options POST  200 200 200 200 200 200 200
accounts:confirm              GET    302 200 200 200 200 200 200
accounts:confirm              POST   302 422 422 422 422 422 422
accounts:factor_list          GET    302 200 200 200 200 200 200
accounts:factor_list          POST   302 405 405 405 405 405 405
accounts:factor_new           GET    302 302 200 200 200 200 200
accounts:factor_new           POST   302 422 422 422 422 422 422
accounts:passkey_new          GET    302 302 302 302 302 302 302
accounts:passkey_new          POST   302 422 422 422 422 422 422
accounts:passkey_new_options  GET    302 405 405 405 405 405 405
accounts:passkey_new_options  POST   302 422 200 200 200 200 200
accounts:factor_rename        GET    302 302 302 302 302 302 302
accounts:factor_rename        POST   302 404 404 404 404 404 404
accounts:factor_remove        GET    302 302 302 302 302 302 302
accounts:factor_remove        POST   302 422 404 404 404 404 404
accounts:recovery_code_list   GET    302 302 302 302 302 302 302
accounts:recovery_code_list   POST   302 405 405 405 405 405 405
accounts:recovery_code_new    GET    302 302 302 302 302 302 302
accounts:recovery_code_new    POST   302 422 303 303 303 303 303
accounts:recovery_code_kept   GET    302 302 302 302 302 302 302
accounts:recovery_code_kept   POST   302 303 303 303 303 303 303
accounts:password_edit        GET    302 302 200 200 200 200 200
accounts:password_edit        POST   302 422 422 422 422 422 422
accounts:wechat_login         GET    404 404 404 404 404 404 404
accounts:wechat_login         POST   404 404 404 404 404 404 404
accounts:wechat_callback      GET    404 404 404 404 404 404 404
accounts:wechat_callback      POST   404 404 404 404 404 404 404
accounts:wechat_phone         GET    404 404 404 404 404 404 404
accounts:wechat_phone         POST   404 404 404 404 404 404 404
accounts:wechat_code          GET    404 404 404 404 404 404 404
accounts:wechat_code          POST   404 404 404 404 404 404 404
accounts:wechat_code_send     GET    404 404 404 404 404 404 404
accounts:wechat_code_send     POST   404 404 404 404 404 404 404
accounts:wechat_bind          GET    404 404 404 404 404 404 404
accounts:wechat_bind          POST   404 404 404 404 404 404 404
accounts:wechat_unbind        GET    404 404 404 404 404 404 404
accounts:wechat_unbind        POST   404 404 404 404 404 404 404
accounts:logout               GET    302 302 302 302 302 302 302
accounts:logout               POST   303 303 303 303 303 303 303
accounts:device_list          GET    302 200 200 200 200 200 200
accounts:device_list          POST   302 405 405 405 405 405 405
accounts:device_end_all       GET    302 302 302 302 302 302 302
accounts:device_end_all       POST   302 303 303 303 303 303 303
accounts:device_end           GET    302 302 302 302 302 302 302
accounts:device_end           POST   302 404 404 404 404 404 404
accounts:device_know          GET    302 302 302 302 302 302 302
accounts:device_know          POST   302 404 404 404 404 404 404
accounts:qr_new               GET    302 302 302 302 302 302 302
accounts:qr_new               POST   303 303 303 303 303 303 303
accounts:qr_confirm           GET    302 404 404 404 404 404 404
accounts:qr_confirm           POST   302 405 405 405 405 405 405
accounts:qr_scan              GET    302 302 302 302 302 302 302
accounts:qr_scan              POST   302 404 404 404 404 404 404
accounts:qr_approve           GET    302 302 302 302 302 302 302
accounts:qr_approve           POST   302 404 404 404 404 404 404
accounts:qr_decline           GET    302 302 302 302 302 302 302
accounts:qr_decline           POST   302 404 404 404 404 404 404
accounts:qr_wait              GET    404 404 404 404 404 404 404
accounts:qr_wait              POST   405 405 405 405 405 405 405
accounts:qr_state             GET    404 404 404 404 404 404 404
accounts:qr_state             POST   405 405 405 405 405 405 405
accounts:qr_claim             GET    302 302 302 302 302 302 302
accounts:qr_claim             POST   404 404 404 404 404 404 404
accounts:message_list         GET    302 403 200 403 200 200 200
accounts:message_list         POST   302 403 405 403 405 405 405
accounts:audit_list           GET    302 403 200 403 200 200 200
accounts:audit_list           POST   302 403 405 403 405 405 405
accounts:audit_detail         GET    302 403 404 403 404 404 404
accounts:audit_detail         POST   302 403 405 403 405 405 405
accounts:audit_check          GET    302 403 302 403 302 302 302
accounts:audit_check          POST   302 403 303 403 303 303 303
accounts:audit_export         GET    302 403 302 403 302 302 302
accounts:audit_export         POST   302 403 200 403 200 200 200
accounts:message_confirm      GET    302 403 403 403 302 302 302
accounts:message_confirm      POST   302 403 403 403 303 303 404
accounts:settings             GET    302 403 200 403 200 200 200
accounts:settings             POST   302 403 403 403 422 422 422
directory:member_list         GET    302 403 200 200 200 200 200
directory:member_list         POST   302 403 405 405 405 405 405
directory:member_export       GET    302 403 403 403 302 302 302
directory:member_export       POST   302 403 403 403 200 200 303
directory:member_new          GET    302 403 403 200 200 200 200
directory:member_new          POST   302 403 403 422 422 422 422
directory:member_disable_many GET    302 403 403 302 302 302 302
directory:member_disable_many POST   302 403 403 303 303 303 303
directory:member_enable_many  GET    302 403 403 302 302 302 302
directory:member_enable_many  POST   302 403 403 303 303 303 303
directory:bulk_action_list      GET    302 403 200 200 200 200 200
directory:bulk_action_list      POST   302 403 405 405 405 405 405
directory:bulk_action_detail    GET    302 403 200 404 200 200 404
directory:bulk_action_detail    POST   302 403 405 405 405 405 405
directory:bulk_action_cancel    GET    302 403 403 302 302 302 302
directory:bulk_action_cancel    POST   302 403 403 404 303 303 404
directory:bulk_action_file      GET    302 403 403 403 404 200 404
directory:bulk_action_file      POST   302 403 403 403 405 405 405
directory:member_invite_many  GET    302 403 403 302 302 302 302
directory:member_invite_many  POST   302 403 403 303 303 303 303
directory:member_detail       GET    302 403 200 200 200 200 404
directory:member_detail       POST   302 403 405 405 405 405 405
directory:member_edit         GET    302 403 403 200 200 200 404
directory:member_edit         POST   302 403 403 422 422 422 404
directory:member_invite       GET    302 403 403 302 302 302 302
directory:member_invite       POST   302 403 403 303 303 303 404
directory:member_code         GET    302 403 403 302 302 302 302
directory:member_code         POST   302 403 403 303 303 303 404
directory:member_disable      GET    302 403 403 302 302 302 302
directory:member_disable      POST   302 403 403 303 303 303 404
directory:member_enable       GET    302 403 403 302 302 302 302
directory:member_enable       POST   302 403 403 303 303 303 404
directory:member_delete       GET    302 403 403 302 302 302 302
directory:member_delete       POST   302 403 403 303 303 303 404
directory:member_erase        GET    302 403 403 302 302 302 302
directory:member_erase        POST   302 403 403 403 404 404 404
directory:member_restore      GET    302 403 403 302 302 302 302
directory:member_restore      POST   302 403 403 404 404 404 404
directory:member_delete_many  GET    302 403 403 302 302 302 302
directory:member_delete_many  POST   302 403 403 303 303 303 303
directory:member_restore_many GET    302 403 403 302 302 302 302
directory:member_restore_many POST   302 403 403 303 303 303 303
directory:department_list     GET    302 403 200 200 200 200 200
directory:department_list     POST   302 403 405 405 405 405 405
directory:department_options  GET    302 403 200 200 200 200 200
directory:department_options  POST   302 403 405 405 405 405 405
directory:department_new      GET    302 403 403 403 200 200 200
directory:department_new      POST   302 403 403 403 422 422 422
directory:department_edit     GET    302 403 403 403 200 200 404
directory:department_edit     POST   302 403 403 403 422 422 404
directory:department_move     GET    302 403 403 403 200 200 404
directory:department_move     POST   302 403 403 403 422 422 404
directory:department_delete   GET    302 403 403 403 302 302 302
directory:department_delete   POST   302 403 403 403 422 422 404
directory:import_list         GET    302 403 200 200 200 200 200
directory:import_list         POST   302 403 403 422 422 422 422
directory:import_template     GET    302 403 403 200 200 200 200
directory:import_template     POST   302 403 403 405 405 405 405
directory:import_detail       GET    302 403 200 200 200 200 404
directory:import_detail       POST   302 403 405 405 405 405 405
directory:import_failed       GET    302 403 403 200 200 200 404
directory:import_failed       POST   302 403 403 405 405 405 405
directory:import_codes        GET    302 403 403 302 302 302 302
directory:import_codes        POST   302 403 403 303 303 303 404
directory:import_apply        GET    302 403 403 302 302 302 302
directory:import_apply        POST   302 403 403 303 303 303 404
directory:import_cancel       GET    302 403 403 302 302 302 302
directory:import_cancel       POST   302 403 403 303 303 303 404
directory:import_repair       GET    302 403 403 302 302 302 302
directory:import_repair       POST   302 403 403 303 303 303 404
directory:import_invite       GET    302 403 403 302 302 302 302
directory:import_invite       POST   302 403 403 303 303 303 404
directory:import_undo         GET    302 403 403 302 302 302 302
directory:import_undo         POST   302 403 403 303 303 303 404
directory:administrator_list    GET    302 403 200 403 200 200 200
directory:administrator_list    POST   302 403 405 403 405 405 405
directory:administrator_new     GET    302 403 403 403 200 200 200
directory:administrator_new     POST   302 403 403 403 422 422 422
directory:administrator_edit    GET    302 403 403 403 200 200 404
directory:administrator_edit    POST   302 403 403 403 422 422 404
directory:administrator_reset   GET    302 403 403 403 302 302 302
directory:administrator_reset   POST   302 403 403 403 303 303 404
directory:administrator_remove  GET    302 403 403 403 200 200 404
directory:administrator_remove  POST   302 403 403 403 303 303 404
directory:domain_list         GET    302 403 200 403 200 200 200
directory:domain_list         POST   302 403 405 403 405 405 405
directory:domain_new          GET    302 403 403 403 200 200 200
directory:domain_new          POST   302 403 403 403 422 422 422
directory:domain_edit         GET    302 403 403 403 200 200 404
directory:domain_edit         POST   302 403 403 403 303 303 404
directory:home                GET    302 302 302 302 302 302 302
directory:home                POST   405 405 405 405 405 405 405
directory:choose              GET    302 200 200 200 200 200 200
directory:choose              POST   302 405 405 405 405 405 405
directory:choose_enter        GET    302 302 302 302 302 302 302
directory:choose_enter        POST   302 303 303 303 303 303 404
directory:choose_recover      GET    302 302 302 302 302 302 302
directory:choose_recover      POST   302 303 303 303 303 303 404
directory:choose_join         GET    302 302 302 302 302 302 302
directory:choose_join         POST   302 404 404 404 404 404 404
directory:invitation          GET    200 200 200 200 200 200 200
directory:invitation          POST   405 405 405 405 405 405 405
directory:invitation_send     GET    302 302 302 302 302 302 302
directory:invitation_send     POST   404 404 404 404 404 404 404
directory:invitation_join     GET    302 302 302 302 302 302 302
directory:invitation_join     POST   404 404 404 404 404 404 404
directory:invitation_renew    GET    302 302 302 302 302 302 302
directory:invitation_renew    POST   404 404 404 404 404 404 404
directory:invitation_open     GET    404 404 404 404 404 404 404
directory:invitation_open     POST   405 405 405 405 405 405 405
directory:activation_code     GET    200 200 200 200 200 200 200
directory:activation_code     POST   422 422 422 422 422 422 422
directory:activation_password GET    302 302 302 302 302 302 302
directory:activation_password POST   302 302 302 302 302 302 302
directory:activation_passkey  GET    302 302 302 302 302 302 302
directory:activation_passkey  POST   302 302 302 302 302 302 302
directory:activation_passkey_options GET  405 405 405 405 405 405 405
directory:activation_passkey_options POST 302 302 302 302 302 302 302
directory:mailbox             GET    302 200 302 302 302 302 302
directory:mailbox             POST   302 405 302 302 302 302 302
invitations:overview          GET    302 403 200 200 200 200 200
invitations:overview          POST   302 403 405 405 405 405 405
invitations:joining                   GET    302 403 200 403 200 200 200
invitations:joining                   POST   302 403 403 403 422 422 422
invitations:joining_reset             GET    302 403 403 403 302 302 302
invitations:joining_reset             POST   302 403 403 403 303 303 303
invitations:joining_qr_svg            GET    302 403 403 403 200 200 200
invitations:joining_qr_svg            POST   302 403 403 403 405 405 405
invitations:joining_qr_png            GET    302 403 403 403 200 200 200
invitations:joining_qr_png            POST   302 403 403 403 405 405 405
invitations:joining_poster            GET    302 403 403 403 200 200 200
invitations:joining_poster            POST   302 403 403 403 405 405 405
invitations:link_list                 GET    302 403 200 403 200 200 200
invitations:link_list                 POST   302 403 405 403 405 405 405
invitations:link_new                  GET    302 403 403 403 200 200 200
invitations:link_new                  POST   302 403 403 403 422 422 422
invitations:link_detail               GET    302 403 200 403 200 200 404
invitations:link_detail               POST   302 403 405 403 405 405 405
invitations:link_edit                 GET    302 403 403 403 200 200 404
invitations:link_edit                 POST   302 403 403 403 422 422 404
invitations:link_revoke               GET    302 403 403 403 302 302 302
invitations:link_revoke               POST   302 403 403 403 303 303 404
invitations:link_qr_svg               GET    302 403 403 403 200 200 404
invitations:link_qr_svg               POST   302 403 403 403 405 405 405
invitations:link_qr_png               GET    302 403 403 403 200 200 404
invitations:link_qr_png               POST   302 403 403 403 405 405 405
invitations:link_poster               GET    302 403 403 403 200 200 404
invitations:link_poster               POST   302 403 403 403 405 405 405
invitations:application_list          GET    302 403 200 200 200 200 200
invitations:application_list          POST   302 403 405 405 405 405 405
invitations:inviter_list              GET    302 403 200 200 200 200 200
invitations:inviter_list              POST   302 403 405 405 405 405 405
invitations:application_export        GET    302 403 403 403 302 302 302
invitations:application_export        POST   302 403 403 403 200 200 200
invitations:application_approve_many  GET    302 403 403 302 302 302 302
invitations:application_approve_many  POST   302 403 403 303 303 303 303
invitations:application_reject_many   GET    302 403 403 302 302 302 302
invitations:application_reject_many   POST   302 403 403 303 303 303 303
invitations:decision_detail           GET    302 403 200 404 200 200 404
invitations:decision_detail           POST   302 403 405 405 405 405 405
invitations:application_detail        GET    302 403 200 200 200 200 404
invitations:application_detail        POST   302 403 405 405 405 405 405
invitations:application_edit          GET    302 403 403 302 302 302 302
invitations:application_edit          POST   302 403 403 303 303 303 404
invitations:application_approve       GET    302 403 403 302 302 302 302
invitations:application_approve       POST   302 403 403 303 303 303 404
invitations:application_reject        GET    302 403 403 302 302 302 302
invitations:application_reject        POST   302 403 403 303 303 303 404
invitations:join                      GET    404 404 404 404 404 404 404
invitations:join                      POST   405 405 405 405 405 405 405
invitations:join_send                 GET    302 302 302 302 302 302 302
invitations:join_send                 POST   404 404 404 404 404 404 404
invitations:join_resend               GET    302 302 302 302 302 302 302
invitations:join_resend               POST   404 404 404 404 404 404 404
invitations:join_code                 GET    302 302 302 302 302 302 302
invitations:join_code                 POST   404 404 404 404 404 404 404
invitations:join_prefix               GET    405 405 405 405 405 405 405
invitations:join_prefix               POST   404 404 404 404 404 404 404
invitations:join_apply                GET    302 302 302 302 302 302 302
invitations:join_apply                POST   404 404 404 404 404 404 404
invitations:join_as_member            GET    302 302 302 302 302 302 302
invitations:join_as_member            POST   404 404 404 404 404 404 404
invitations:join_status               GET    404 404 404 404 404 404 404
invitations:join_status               POST   405 405 405 405 405 405 405
invitations:join_again                GET    302 302 302 302 302 302 302
invitations:join_again                POST   303 303 303 303 303 303 303
invitations:join_withdraw             GET    302 302 302 302 302 302 302
invitations:join_withdraw             POST   303 303 303 303 303 303 303
invitations:join_open                 GET    404 404 404 404 404 404 404
invitations:join_open                 POST   405 405 405 405 405 405 405
invitations:decision_open             GET    404 404 404 404 404 404 404
invitations:decision_open             POST   405 405 405 405 405 405 405
invitations:colleague_list            GET    302 404 302 302 302 302 302
invitations:colleague_list            POST   302 404 302 302 302 302 302
invitations:colleague_qr_svg          GET    302 404 302 302 302 302 302
invitations:colleague_qr_svg          POST   302 404 302 302 302 302 302
invitations:colleague_qr_png          GET    302 404 302 302 302 302 302
invitations:colleague_qr_png          POST   302 404 302 302 302 302 302
invitations:batch_list               GET    302 403 200 200 200 200 200
invitations:batch_list               POST   302 403 405 405 405 405 405
invitations:batch_new                GET    302 403 403 200 200 200 200
invitations:batch_new                POST   302 403 403 422 422 422 422
invitations:quiet_edit                GET    302 403 403 403 200 200 200
invitations:quiet_edit                POST   302 403 403 403 303 303 303
invitations:batch_detail             GET    302 403 404 404 404 404 404
invitations:batch_detail             POST   302 403 405 405 405 405 405
exmail_admin:healthz          GET    200 200 200 200 200 200 200
exmail_admin:healthz          POST   405 405 405 405 405 405 405
exmail_admin:readyz           GET    503 503 503 503 503 503 503
exmail_admin:readyz           POST   405 405 405 405 405 405 405
exmail_admin:language         GET    405 405 405 405 405 405 405
exmail_admin:language         POST   303 303 303 303 303 303 303
exmail_admin:theme            GET    405 405 405 405 405 405 405
exmail_admin:theme            POST   303 303 303 303 303 303 303
exmail_admin:demo_components  GET    404 404 404 404 404 404 404
exmail_admin:demo_components  POST   405 405 405 405 405 405 405
exmail_admin:demo_phone       GET    404 404 404 404 404 404 404
exmail_admin:demo_phone       POST   405 405 405 405 405 405 405
"""


def rows() -> list[tuple[str, str, dict[str, int]]]:
    """The table: route, method, and the status that each person gets."""
    lines = [line.split() for line in TABLE.strip().splitlines() if not line.startswith("#")]
    return [(route, method, dict(zip(PEOPLE, map(int, statuses), strict=True))) for route, method, *statuses in lines]


def path_with_any(route: str) -> str:
    """The route's path, with any values in it."""
    pattern = dict(routes())[route].pattern
    return reverse(route, kwargs={name: "A" * 43 if name == "token" else 1 for name in pattern.converters})


# The owner first, who gets furthest: of several cases `make test` tries the first on PostgreSQL.
@pytest.mark.parametrize("person", sorted(PEOPLE, key=lambda person: person != "owner"))
def test_the_table_holds(browser_of, path_of, person):
    """Each request comes to the same tenant in the same browser: what the one before did there is undone."""
    browser, answers = browser_of(person), {}
    cookies = dict(browser.cookies)
    for route, method, _statuses in rows():
        with transaction.atomic():
            status = browser.generic(method, path_of(route)).status_code
            if status in {403, 404, 405, 422} or method == "GET":
                assert audit_events().count() == 0, (route, method)
            transaction.set_rollback(True)
        browser.cookies.clear()
        browser.cookies.update(cookies)
        answers[route, method] = status
    assert answers == {(route, method): statuses[person] for route, method, statuses in rows()}


def test_no_route_is_missing_from_the_table():
    """Each has a line for GET and one for POST."""
    every = {(route, method) for route, _ in routes() for method in ("GET", "POST")}
    assert {(route, method) for route, method, _ in rows()} == every


CONSOLE = sorted({route for route, *_ in rows() if path_with_any(route).startswith("/console/")})


def test_without_the_second_factor_no_administrator_enters_the_console(browser_of, path_of):
    browser = browser_of("owner")
    session = browser.session
    del session["factor_at"]
    session.save()
    for route in CONSOLE:
        for method in ("GET", "POST"):
            answer = browser.generic(method, path_of(route))
            assert (answer.status_code, answer.url.partition("?")[0]) == (302, "/mailbox/factors/new/"), route


MEMBER_DEEDS = ["edit", "invite", "code", "disable", "enable", "delete", "restore"]
MEMBER_PAGES = ["member_detail", *(f"member_{action}" for action in MEMBER_DEEDS)]


def test_a_department_admin_finds_nobody_outside_the_department(browser_of, tenant, zhao):
    browser = browser_of("department_admin")
    for route in MEMBER_PAGES:
        for method in ("GET", "POST"):
            answer = browser.generic(method, reverse(f"directory:{route}", args=[zhao.pk]))
            if answer.status_code == 302:
                answer = browser.get(answer.url)
            assert answer.status_code in {404, 405}, (route, method)
    zhao.refresh_from_db()
    assert (zhao.status, zhao.deleted_at) == ("disabled", None)


PAGES = sorted({route for route, method, statuses in rows() if method == "GET" and 200 in statuses.values()})


def test_a_stranger_reads_nothing_of_ours(browser_of, path_of, tenant, wang):
    Member.objects.filter(pk=wang.pk).update(name="金丝雀")
    Department.objects.filter(pk=tenant.east.pk).update(name="金丝雀组")
    Enterprise.objects.filter(pk=tenant.enterprise.pk).update(name="金丝雀公司")
    for route in PAGES:
        page = browser_of("stranger").get(path_of(route)).content.decode(errors="replace")
        assert "金丝雀" not in page, route
        assert "13800138002" not in page, route


def may_post(person: str, form: str) -> bool:
    """True if the table lets the person send this form."""
    action = re.search(r'<form[^>]* action="([^"?]*)', form)
    statuses = {route: statuses[person] for route, method, statuses in rows() if method == "POST"}
    return bool(action) and statuses[resolve(action[1]).view_name] not in {403, 405}


READ_BY_AUDITORS = [
    route for route, method, statuses in rows() if (method, statuses["auditor"]) == ("GET", 200) and route in CONSOLE
]


def test_an_auditor_is_offered_nothing_that_they_may_not_do(browser_of, path_of):
    browser, links = browser_of("auditor"), set()
    for route in READ_BY_AUDITORS:
        page = browser.get(path_of(route)).text
        main = page[max(0, page.find("<main")) :]  # a part of a page has none
        for form in re.findall(r'<form[^>]*method="post".*?</form>', main, re.DOTALL):
            if may_post("auditor", form):
                continue
            assert "<button" not in form, route
            assert not re.search(r'<(?:input(?! type="hidden")|select|textarea)(?![^>]* disabled)', form), route
        links |= set(re.findall(r'href="(/console/[^"#?]*)', main))
        assert "/j/" not in main, f"{route}: only those who may distribute a join link see it"
    for link in links:
        assert browser.get(link).status_code == 200, link
