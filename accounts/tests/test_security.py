"""A person's own second factors: setting up, recovery codes, renaming, removing; and the limits of guessing."""

import re
import threading
import time
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.audit.recording import Actor, command_actor
from accounts.models import AttemptCounter, User
from accounts.second_factor.factors import FactorWrong, add_totp, recovery_codes, reset_factors, use_code
from accounts.sign_in.attempt_limits import AttemptsExceeded
from conftest import PASSWORD, audit_events, build_user

pytestmark = pytest.mark.django_db
LIST, NEW, CODES = "/mailbox/factors/", "/mailbox/factors/new/", "/mailbox/factors/recovery/"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
STEP = 30


def app_code(secret=SECRET, *, steps=0):
    """What an authenticator app shows, so many steps of 30 s from now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // STEP + steps))


def equip(user, *, step=-1):
    """The user has an app with SECRET and ten recovery codes."""
    add_totp(user, secret=SECRET, step=step, by=command_actor(), enterprise=None, keep_session=None)
    return user


def actions():
    return list(audit_events().order_by("number").values_list("action", flat=True))


def typed(page, name):
    return re.search(rf'name="{name}" value="([^"]*)"', page.content.decode())[1]


def set_up(browser, **fields):
    """Fill in the page as a person with an app does; the answer and the key."""
    page = browser.get(NEW)
    secret = re.search(r"<code>((?:[A-Z2-7]{4} ){7}[A-Z2-7]{4})</code>", page.content.decode())[1].replace(" ", "")
    answer = browser.post(NEW, {"setup": typed(page, "setup"), "code": app_code(secret), **fields})
    return answer, secret


def test_the_page_shows_the_key_as_drawing_text_and_link(client_of, alice):
    page = client_of(alice).get(NEW).content.decode()
    assert 'src="data:image/svg+xml;base64,' in page
    assert "otpauth://totp/alice?secret=" in page
    assert "issuer=%E7%A4%BA%E4%BE%8B%E7%A7%91%E6%8A%80" in page


def test_looking_at_the_page_keeps_nothing(client_of, alice):
    browser = client_of(alice)
    before = dict(browser.session)
    browser.get(NEW)
    assert dict(browser.session) == before
    assert not Authenticator.objects.exists()


def test_an_app_is_set_up_with_ten_recovery_codes(client_of, alice):
    browser = client_of(alice)
    answer, _ = set_up(browser, next="/console/messages/")
    assert (answer.status_code, answer.url) == (303, f"{CODES}?next=%2Fconsole%2Fmessages%2F")
    page = browser.get(answer.url).content.decode()
    assert len(re.findall(r"<li><code>\d{5} \d{5}</code></li>", page)) == 10
    assert actions() == ["factor_added", "recovery_codes_made"]
    assert browser.post(f"{CODES}kept/", {"next": "/console/messages/"}).url == "/console/messages/"
    assert browser.get(CODES).status_code == 302


def test_recovery_codes_are_shown_for_ten_minutes_at_most(client_of, alice):
    browser = client_of(alice)
    set_up(browser)
    session = browser.session
    session["recovery_codes_until"] -= 600 - 2
    session.save()
    assert browser.get(CODES).status_code == 200
    session["recovery_codes_until"] -= 2
    session.save()
    assert browser.get(CODES).status_code == 302


def test_secrets_lie_sealed(client_of, alice):
    browser = client_of(alice)
    _, secret = set_up(browser)
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored
    assert not any(code in stored for code in recovery_codes(alice))
    assert secret not in str(dict(browser.session))


def test_the_code_of_the_setup_does_not_count_again(client_of, alice):
    _, secret = set_up(client_of(alice))
    with pytest.raises(FactorWrong):
        use_code(alice, app_code(secret), by=command_actor())


@pytest.mark.parametrize("code", ["", "000000x", "12345", "abcdef"])
def test_a_wrong_code_is_refused_and_the_key_stays(client_of, alice, code):
    browser = client_of(alice)
    page = browser.get(NEW)
    answer = browser.post(NEW, {"setup": typed(page, "setup"), "code": code})
    assert answer.status_code == 422
    assert b'aria-invalid="true"' in answer.content
    key = re.compile(r"<code>((?:[A-Z2-7]{4} ){7}[A-Z2-7]{4})</code>")
    assert key.search(answer.content.decode())[1] == key.search(page.content.decode())[1]


def test_a_key_of_someone_else_or_of_long_ago_is_not_taken(client_of, alice, dora, settings):
    foreign = typed(client_of(dora).get(NEW), "setup")
    browser = client_of(alice)
    for setup in (foreign, "nonsense", ""):
        assert browser.post(NEW, {"setup": setup, "code": app_code()}).status_code == 422
    own = typed(browser.get(NEW), "setup")
    settings.ACCOUNTS_FACTOR_SETUP_SECONDS = 0
    assert b"took too long" in browser.post(NEW, {"setup": own, "code": "123456"}).content


def test_setting_up_signs_out_the_other_devices_and_keeps_this_one(client_of, alice):
    phone, desk = Client(), Client()
    for each in (phone, desk):
        each.post("/login/password/", {"login": "alice", "password": PASSWORD})
    set_up(desk)
    assert phone.get(LIST).status_code == 302
    assert desk.get(LIST).status_code == 200
    assert desk.session["factor_at"]


def test_a_new_app_replaces_the_old_one(client_of, alice):
    equip(alice)
    before = recovery_codes(alice)
    answer, secret = set_up(client_of(alice))
    assert answer.url == LIST
    assert Authenticator.objects.filter(type="totp").count() == 1
    assert recovery_codes(alice) == before
    assert actions()[-2:] == ["factor_removed", "factor_added"]
    use_code(alice, app_code(secret, steps=1), by=command_actor())


def test_a_code_counts_once_and_none_before_it(alice):
    equip(alice)
    use_code(alice, app_code(), by=command_actor())
    for steps in (0, -1):
        with pytest.raises(FactorWrong):
            use_code(alice, app_code(steps=steps), by=command_actor())
    use_code(alice, app_code(steps=1), by=command_actor())


@pytest.mark.parametrize(("steps", "is_right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clocks_may_differ_by_one_step(alice, steps, is_right):
    equip(alice)
    if is_right:
        use_code(alice, app_code(steps=steps), by=command_actor())
    else:
        with pytest.raises(FactorWrong):
            use_code(alice, app_code(steps=steps), by=command_actor())


@pytest.mark.parametrize("shape", ["{}", " {} ", "{0[0]}{0[1]}{0[2]} {0[3]}{0[4]}{0[5]}"])
def test_a_code_is_read_as_people_write_it(alice, shape):
    equip(alice)
    use_code(alice, shape.format(app_code()), by=command_actor())


def test_full_width_digits_are_digits(alice):
    equip(alice)
    use_code(alice, app_code().translate({48 + n: 0xFF10 + n for n in range(10)}), by=command_actor())


@pytest.mark.parametrize("text", ["验证码：{}", "动态口令：{}（30 秒内有效）", "Mail directory\n{}\nexpires in 12 s"])
def test_the_only_code_of_a_pasted_text_is_used(alice, text):
    equip(alice)
    use_code(alice, text.format(app_code()), by=command_actor())


def test_a_recovery_code_is_found_in_a_pasted_text(alice):
    equip(alice)
    assert use_code(alice, f"恢复码：{recovery_codes(alice)[0]}", by=command_actor()) == 9


@pytest.mark.parametrize("text", ["{0} {0[0]}", "{0} 086158", "{0}0", "验证码：{0}{0}"])
def test_a_text_with_another_number_of_digits_is_not_counted(alice, text):
    equip(alice)
    code = app_code()
    for _attempt in range(7):
        with pytest.raises(FactorWrong):
            use_code(alice, text.format(code), by=command_actor())
    use_code(alice, code, by=command_actor())


def test_a_recovery_code_counts_once(alice):
    equip(alice)
    code = recovery_codes(alice)[4]
    assert use_code(alice, f"{code[:5]}-{code[5:]}", by=command_actor()) == 9
    with pytest.raises(FactorWrong):
        use_code(alice, code, by=command_actor())
    assert "recovery_code_used" in actions()


def test_the_sixth_wrong_code_is_not_checked(alice):
    equip(alice)
    for _ in range(5):
        with pytest.raises(FactorWrong):
            use_code(alice, "000000", by=command_actor())
    with pytest.raises(AttemptsExceeded) as limit:
        use_code(alice, app_code(), by=command_actor())
    assert 890 <= limit.value.retry_after <= 900
    assert actions().count("second_factor_failed") == 5


def test_after_twenty_in_a_day_it_is_over_for_the_day(alice):
    equip(alice)
    for _ in range(4):
        for _ in range(5):
            with pytest.raises(FactorWrong):
                use_code(alice, "000000", by=command_actor())
        # The quarter of an hour is over, the day is not.
        AttemptCounter.objects.filter(wait_until__lt=timezone.now() + timedelta(hours=1)).update(
            wait_until=timezone.now()
        )
    with pytest.raises(AttemptsExceeded) as limit:
        use_code(alice, app_code(), by=command_actor())
    assert 86_000 < limit.value.retry_after <= 86_400


def test_under_another_secret_key_nothing_opens_and_nothing_breaks(client_of, alice, settings):
    equip(alice)
    code = recovery_codes(alice)[0]
    settings.SECRET_KEY = "another-key-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789"
    for text in (app_code(), code):
        with pytest.raises(FactorWrong):
            use_code(alice, text, by=command_actor())
    assert client_of(alice).get(LIST).status_code == 200


def test_what_is_no_code_is_not_counted(alice):
    equip(alice)
    for text in ("", "12345", "1234567", "abcdef", "١٢٣", "x" * 500) * 3:
        with pytest.raises(FactorWrong):
            use_code(alice, text, by=command_actor())
    use_code(alice, app_code(), by=command_actor())


def test_a_member_may_have_one_too(client_of, lin, tenant, settings):
    browser = client_of(lin.user, method="code", enterprise=tenant.enterprise)
    session = browser.session
    session["proved_at"] = int(time.time())
    session.save()
    answer, _ = set_up(browser)
    assert answer.status_code == 303
    assert actions() == ["factor_added", "recovery_codes_made"]


def test_the_list_names_what_there_is(client_of, alice):
    assert b"No second factor yet" in client_of(alice).get(LIST).content
    equip(alice)
    passkey = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "办公电脑", "credential": {}})
    page = client_of(alice).get(LIST).content.decode()
    assert "Authenticator app" in page
    assert "办公电脑" in page
    assert f'data-id="{passkey.pk}"' in page
    assert "10 of 10 left" in page


def test_a_passkey_is_renamed(client_of, alice):
    row = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "old", "credential": {}})
    browser = client_of(alice)
    assert browser.post(f"{LIST}{row.pk}/rename/", {"name": " Office  Mac "}).status_code == 303
    row.refresh_from_db()
    assert row.data["name"] == "Office Mac"
    for bad in ("", "x" * 65, "\u202eevil"):
        browser.post(f"{LIST}{row.pk}/rename/", {"name": bad})
    row.refresh_from_db()
    assert row.data["name"] == "Office Mac"
    assert actions() == ["factor_renamed"]


@pytest.mark.parametrize("action", ["rename", "remove"])
def test_nobody_touches_the_factors_of_others(client_of, alice, dora, action):
    row = Authenticator.objects.create(user=dora, type="webauthn", data={"name": "hers", "credential": {}})
    assert client_of(alice).post(f"{LIST}{row.pk}/{action}/", {"name": "mine"}).status_code == 404
    row.refresh_from_db()
    assert row.data["name"] == "hers"


def test_recovery_codes_are_no_factor_to_remove(client_of, alice):
    equip(alice)
    row = Authenticator.objects.get(type="recovery_codes")
    assert client_of(alice).post(f"{LIST}{row.pk}/remove/").status_code == 404


def test_removing_the_last_takes_the_recovery_codes_and_the_console(client_of, alice):
    equip(alice)
    browser = client_of(alice)
    row = Authenticator.objects.get(type="totp")
    assert browser.post(f"{LIST}{row.pk}/remove/").status_code == 303
    assert not Authenticator.objects.exists()
    assert browser.get("/console/messages/").url.startswith(NEW)


def test_removing_one_of_two_keeps_the_rest(client_of, alice):
    equip(alice)
    row = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "key", "credential": {}})
    browser = client_of(alice)
    browser.post(f"{LIST}{row.pk}/remove/")
    assert len(recovery_codes(alice)) == 10
    assert browser.get("/console/messages/").status_code == 200


def test_new_recovery_codes_kill_the_old(client_of, alice):
    equip(alice)
    old = recovery_codes(alice)
    browser = client_of(alice)
    assert browser.post(f"{CODES}new/").url == CODES
    assert browser.get(CODES).status_code == 200
    assert not set(old) & set(recovery_codes(alice))


def test_without_a_factor_there_are_no_recovery_codes(client_of, alice):
    browser = client_of(alice)
    browser.post(f"{CODES}new/")
    assert recovery_codes(alice) == []


# --- taking them away from who has lost them


def acting(user):
    return Actor(user=user, name=str(user))


def test_an_owner_resets_an_administrator(alice, dora, enterprise):
    equip(dora)
    assert reset_factors(dora, enterprise=enterprise, by=acting(alice)) == 1
    assert not Authenticator.objects.filter(user=dora).exists()
    assert actions()[-1] == "factors_reset"


def test_a_reset_ends_the_sessions(alice, dora, enterprise):
    browser = Client()
    browser.post("/login/password/", {"login": "dora", "password": PASSWORD})
    reset_factors(dora, enterprise=enterprise, by=acting(alice))
    assert browser.get(LIST).status_code == 302


def test_nobody_resets_one_above_or_themselves(alice, dora, bob, enterprise):
    equip(alice)
    for by in (dora, bob, alice):
        with pytest.raises(ValidationError):
            reset_factors(alice, enterprise=enterprise, by=acting(by))
    assert Authenticator.objects.filter(user=alice).exists()


def test_an_administrator_of_two_enterprises_is_reset_by_the_operator(alice, charlie, other_tenant, tenant):
    dora = build_user("dora2", tenant, "admin")
    dora.roles.create(enterprise=other_tenant.enterprise, name="auditor")
    equip(dora)
    with pytest.raises(ValidationError):
        reset_factors(dora, enterprise=tenant.enterprise, by=acting(alice))
    reset_factors(dora, enterprise=None, by=command_actor())
    assert not Authenticator.objects.filter(user=dora).exists()


def test_the_command_line_resets_by_login(alice, capsys):
    equip(alice)
    call_command("reset_factors", "Alice")
    assert not Authenticator.objects.exists()
    assert actions()[-1] == "factors_reset"
    assert "1" in capsys.readouterr().out


# --- changing one's password


def test_the_password_is_changed_and_the_others_are_out(alice, english):
    other = Client()
    for each in (english, other):
        each.post("/login/password/", {"login": "alice", "password": PASSWORD})
    new = "纸船-river-42"
    assert english.post("/mailbox/password/", {"password": new, "confirm": new}).status_code == 303
    assert User.objects.get(pk=alice.pk).check_password(new)
    assert english.get(LIST).status_code == 200
    assert other.get(LIST).status_code == 302
    assert actions() == ["password_changed"]


@pytest.mark.parametrize(
    ("password", "confirm"), [("kurz", "kurz"), (PASSWORD, "other"), ("password123", "password123")]
)
def test_a_bad_password_is_refused(client_of, alice, password, confirm):
    answer = client_of(alice).post("/mailbox/password/", {"password": password, "confirm": confirm})
    assert answer.status_code == 422
    assert password not in answer.content.decode()


def test_a_user_without_a_password_cannot_change_it(client_of, lin, tenant):
    browser = client_of(lin.user, method="code", enterprise=tenant.enterprise)
    session = browser.session
    session["proved_at"] = int(time.time())
    session.save()
    assert browser.get("/mailbox/password/").url == LIST


# --- races


def at_once(count, attempt):
    """Run `attempt` so often at the same time; what each returned."""
    outcomes = []

    def once():
        try:
            attempt()
            outcomes.append("in")
        except (FactorWrong, AttemptsExceeded):
            outcomes.append("out")
        finally:
            connection.close()

    threads = [threading.Thread(target=once) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_one_code_50_times_at_once_counts_once(alice, settings, kind):
    settings.ACCOUNTS_FACTOR_FAILURES = settings.ACCOUNTS_FACTOR_FAILURES_PER_DAY = 1000
    equip(alice)
    code = app_code() if kind == "app" else recovery_codes(alice)[0]
    outcomes = at_once(50, lambda: use_code(alice, code, by=command_actor()))
    assert outcomes.count("in") == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_50_wrong_codes_at_once_five_are_looked_at(alice):
    equip(alice)
    at_once(50, lambda: use_code(alice, "000000", by=command_actor()))
    assert actions().count("second_factor_failed") == 5
