"""The join link on a phone: every step, every error, and what must not leak."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.audit.recording import Actor
from accounts.models import AuditEvent, User
from conftest import build_member
from directory.models import Address, Member
from directory.tests.phone import code_to
from invitations.applications.apply import ApplicationInput, file_application
from invitations.links.actions import (
    _colleague_link,
    colleague_link_url,
    default_link,
    digest_of,
    find_link,
    reset_link,
)
from invitations.links.settings import edit_rules, rules_of
from invitations.models import Application, JoinLink
from invitations.tests.people import PHONE, application_of, apply, join_path, new_phone, prove
from sms.models import Message, PhoneCode

BY = Actor(user=None, name="Alice")
BOTS = ["Googlebot/2.1", "facebookexternalhit/1.1", "WhatsApp/2.23", "MicroMessenger/8.0", "curl/8.5"]


def everything() -> str:
    digest = hashlib.sha256()
    for model in apps.get_models():
        if model._meta.managed:
            for row in model._default_manager.order_by("pk").values_list():
                digest.update(repr(row).encode())
    return digest.hexdigest()


def close(tenant):
    tenant.enterprise.is_joining_open = False
    tenant.enterprise.save()


def test_the_whole_way_to_an_application(open_tenant):
    client = new_phone()
    page = client.get(join_path(open_tenant.enterprise), follow=True)
    assert page.redirect_chain == [("/j/", 303)]
    assert "示例科技" in page.text
    assert 'name="phone"' in page.text

    sent = client.post("/j/send/", {"phone": "139 0013 9001"})
    assert (sent.status_code, sent["Location"]) == (303, "/j/")
    page = client.get("/j/")
    assert page.text.index('action="/j/code/"') < page.text.index('action="/j/resend/"')
    assert "139****9001" in page.text

    proven = client.post("/j/code/", {"code": code_to(PHONE)})
    assert (proven.status_code, proven["Location"]) == (303, "/j/")
    page = client.get("/j/").text
    assert 'action="/j/apply/"' in page
    assert "example.com" in page

    applied = client.post("/j/apply/", {"name": "张伟", "prefix": "ZhangWei"})
    assert (applied.status_code, applied["Location"]) == (303, "/j/status/")
    status = client.get("/j/status/")
    assert 'data-state="pending"' in status.text
    assert "zhangwei@example.com" in status.text

    application = application_of()
    assert application.address.purpose == "held"
    assert application.department == open_tenant.root
    assert application.consented_at
    assert not Member.objects.exists()
    assert not User.objects.filter(roles=None).exists()
    assert AuditEvent.objects.filter(action="application_filed").count() == 1
    assert default_link(open_tenant.enterprise).uses == 1


def test_without_approval_the_applicant_is_in_at_once(free_tenant):
    client = new_phone()
    prove(client, join_path(free_tenant.enterprise))
    joined = client.post("/j/apply/", {"name": "张伟", "prefix": "zhangwei"})
    assert (joined.status_code, joined["Location"]) == (303, "/mailbox/")
    assert "zhangwei@example.com" in client.get("/mailbox/").text
    member = Member.objects.get()
    assert (member.status, member.phone, member.name) == ("active", PHONE, "张伟")
    assert str(member.user.phone) == PHONE
    assert application_of().state == "approved"
    assert application_of().member == member
    assert not Message.objects.filter(kind="decision").exists()


def test_joining_a_second_enterprise_is_recorded_as_a_sign_in(free_tenant, other_tenant):
    """C5: with one enterprise, sign-in enters it; with two, the joining page must enter it and record that."""
    user = User.objects.create_user(phone=PHONE, name="张伟")
    build_member(other_tenant, "张伟", "zhang", PHONE, status="active", user=user)
    client = new_phone()
    prove(client, join_path(free_tenant.enterprise))
    assert client.post("/j/apply/", {"name": "张伟", "prefix": "zhangwei"})["Location"] == "/mailbox/"
    assert client.session["enterprise"] == free_tenant.enterprise.pk
    events = AuditEvent.objects.filter(enterprise=free_tenant.enterprise, action="signed_in")
    assert [event.target_id for event in events] == [str(Member.objects.get(enterprise=free_tenant.enterprise).pk)]


def test_opening_the_link_changes_nothing(open_tenant):
    """J1: previews and scanners open it too."""
    before, path = everything(), join_path(open_tenant.enterprise)
    for bot in BOTS * 3:
        client = new_phone()
        client.defaults["HTTP_USER_AGENT"] = bot
        assert client.get(path, follow=True).status_code == 200
        assert client.head(path).status_code == 303
        client.options(path)
        client.get(path, headers={"purpose": "prefetch"})
        client.head("/j/")
    assert everything() == before


def test_the_token_leaves_the_address_bar_and_no_trace(open_tenant):
    client, path = new_phone(), join_path(open_tenant.enterprise)
    answer = client.get(path)
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    assert "noindex" in answer["X-Robots-Tag"]
    token = path.split("/")[2]
    assert token not in answer.cookies["joining"].value
    assert token not in client.get("/j/").text
    link = default_link(open_tenant.enterprise)
    assert token not in f"{link.encrypted_token}{link.token_digest}"


def test_while_the_switch_is_off_the_link_says_so_kindly(tenant):
    answer = new_phone().get(join_path(tenant.enterprise))
    assert answer.status_code == 410
    assert 'data-state="closed"' in answer.text
    assert 'name="phone"' not in answer.text
    assert "closed" in answer.text


@pytest.mark.parametrize("token", ["x", "a" * 22, "a" * 22 + "1", "a" * 4000, "%00", "é" * 23, "..%2F"])
def test_a_link_never_issued_is_not_found(open_tenant, token):
    """J4: 404 without a form."""
    answer = new_phone().get(f"/j/{token}/")
    assert answer.status_code == 404
    assert 'name="phone"' not in answer.text


def test_trying_many_links_is_limited_except_an_open_one(open_tenant, time_machine):
    """J3: the page's limit counts only what doesn't exist, so that no office is locked out of the link on its wall."""
    time_machine.move_to(timezone.now().replace(second=10))
    answers = [new_phone().get(f"/j/{secrets.token_urlsafe(16)}/") for _ in range(31)]
    assert [answer.status_code for answer in answers] == [404] * 30 + [429]
    assert 0 < int(answers[-1]["Retry-After"]) <= 60
    assert "Unknown link" in answers[-1].text
    for _ in range(40):
        assert new_phone().get(join_path(open_tenant.enterprise)).status_code == 303
    assert new_phone().get(f"/j/{secrets.token_urlsafe(16)}/", REMOTE_ADDR="192.0.2.9").status_code == 404
    time_machine.move_to(timezone.now() + timedelta(seconds=60))
    assert new_phone().get(f"/j/{secrets.token_urlsafe(16)}/").status_code == 404


def test_no_random_token_opens_anything(open_tenant, lin):
    """J3: 100,000 random tokens, looked up as `find_link` does: by their digest, or by the MAC before the id."""
    assert find_link(join_path(open_tenant.enterprise).split("/")[2])
    tokens = [secrets.token_urlsafe(16) for _ in range(100_000)]
    assert not JoinLink.objects.filter(token_digest__among=[digest_of(token) for token in tokens[:20_000]]).exists()
    own = colleague_link_url(lin).split("/")[-2]
    assert find_link(own)
    with CaptureQueriesContext(connection) as queries:
        assert not any(_colleague_link(token + own[22:]) for token in tokens)
    assert len(queries) == 0
    assert find_link(own[:-1] + ("0" if own[-1] != "0" else "1")) is None


def test_a_honeypot_does_not_affect_people(open_tenant):
    client = new_phone()
    page = client.get(join_path(open_tenant.enterprise), follow=True).text
    assert 'name="homepage"' in page
    answer = client.post("/j/send/", {"phone": PHONE, "homepage": "https://spam.example"})
    assert answer.status_code == 422
    assert "Clear it and send again" in answer.text
    assert 'value="https://spam.example"' in answer.text
    assert not Message.objects.exists()
    assert client.post("/j/send/", {"phone": PHONE, "homepage": ""}).status_code == 303


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"revoked_at": timezone.now()}, "revoked"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "expired"),
        ({"uses_max": 3, "uses": 3}, "full"),
    ],
)
def test_closed_link_has_its_own_page(open_tenant, change, state):
    """J4: 410, each with its own state."""
    path = join_path(open_tenant.enterprise)
    JoinLink.objects.update(**change)
    answer = new_phone().get(path)
    assert answer.status_code == 410
    assert f'data-state="{state}"' in answer.text
    assert 'name="phone"' not in answer.text


def test_a_reset_revokes_the_old_link_even_once_opened(open_tenant):
    old, client = join_path(open_tenant.enterprise), new_phone()
    client.get(old)
    reset_link(open_tenant.enterprise, by=BY)
    assert new_phone().get(old).status_code == 410
    assert client.post("/j/send/", {"phone": PHONE}).status_code == 410
    assert not Message.objects.exists()
    assert new_phone().get(join_path(open_tenant.enterprise)).status_code == 303


def test_a_switch_turned_off_ends_every_step(open_tenant):
    """J7: also between the page and the POST."""
    path = join_path(open_tenant.enterprise)
    opened, proven = new_phone(), new_phone()
    opened.get(path)
    prove(proven, path)
    close(open_tenant)
    assert opened.post("/j/send/", {"phone": "+8613900139002"}).status_code == 410
    assert Message.objects.count() == 1
    refused = proven.post("/j/apply/", {"name": "张伟", "prefix": "zhangwei"})
    assert refused.status_code == 410
    assert 'name="phone"' not in refused.text
    assert proven.post("/j/prefix/", {"name": "张伟"}).status_code == 410
    assert not Application.objects.exists()


def test_the_rule_of_the_moment_decides_not_the_page_that_was_shown(open_tenant):
    """J8: approval turned off and on mid-flight."""
    first, second = new_phone(), new_phone()
    path = join_path(open_tenant.enterprise)
    prove(first, path)
    edit = {
        "enabled": True,
        "default_department": open_tenant.market,
        "default_domain": open_tenant.domain,
        "privacy_notice": "",
    }
    edit_rules(open_tenant.enterprise, by=BY, approval_required=False, **edit)
    assert first.post("/j/apply/", {"name": "甲", "prefix": "jia"})["Location"] == "/mailbox/"
    assert Member.objects.get().main_department == open_tenant.market
    prove(second, path, "+8613900139002")
    edit_rules(open_tenant.enterprise, by=BY, approval_required=True, **edit)
    assert second.post("/j/apply/", {"name": "乙", "prefix": "yi"})["Location"] == "/j/status/"
    assert application_of("+8613900139002").is_pending


def test_before_the_phone_is_proven_known_and_unknown_numbers_see_the_same(open_tenant, lin, wang):
    pages = []
    for phone in (PHONE, str(lin.phone), str(wang.phone)):
        client = new_phone()
        client.get(join_path(open_tenant.enterprise))
        sent = client.post("/j/send/", {"phone": phone})
        text = client.get("/j/").text
        text = re.sub(r'csrfmiddlewaretoken" value="\w+"|\d{3}\*{4}\d{4}|data-countdown="\d+"', "", text)
        pages.append((sent.status_code, sent["Location"], text))
    assert len(set(pages)) == 1


def test_a_number_in_the_directory_is_offered_to_join_as_that_member(open_tenant, wang):
    client = new_phone()
    prove(client, join_path(open_tenant.enterprise), wang.phone)
    page = client.get("/j/").text
    assert "Join as 王芳" in page
    assert 'action="/j/apply/"' not in page
    assert client.post("/j/apply/", {"name": "冒名", "prefix": "fake"})["Location"] == "/j/"
    joined = client.post("/j/member/")
    assert (joined.status_code, joined["Location"]) == (303, "/mailbox/")
    wang.refresh_from_db()
    assert wang.status == "active"
    assert not Application.objects.exists()


def test_an_active_member_is_told_to_sign_in(open_tenant, lin):
    client = new_phone()
    prove(client, join_path(open_tenant.enterprise), lin.phone)
    page = client.get("/j/").text
    assert "You've already joined" in page
    assert 'href="/login/"' in page
    assert client.post("/j/member/").status_code == 303
    assert "_auth_user_id" not in client.session


def test_a_disabled_member_is_told_whom_to_ask(open_tenant, zhao):
    client = new_phone()
    prove(client, join_path(open_tenant.enterprise), zhao.phone)
    assert "Contact your administrator" in client.get("/j/").text
    client.post("/j/member/")
    zhao.refresh_from_db()
    assert zhao.status == "disabled"


def test_a_member_of_another_enterprise_is_a_stranger_here(open_tenant, other_tenant):
    build_member(other_tenant, "别家", "bie", PHONE, status="active")
    client = new_phone()
    prove(client, join_path(open_tenant.enterprise))
    page = client.get("/j/").text
    assert 'action="/j/apply/"' in page
    assert "别家" not in page


def test_a_proof_for_one_enterprise_is_none_for_another(open_tenant, other_tenant):
    other_tenant.enterprise.is_joining_open = True
    other_tenant.enterprise.save()
    client = new_phone()
    prove(client, join_path(open_tenant.enterprise))
    client.get(join_path(other_tenant.enterprise))
    assert 'name="phone"' in client.get("/j/").text
    assert client.post("/j/apply/", {"name": "张伟", "prefix": "zhangwei"})["Location"] == "/j/"
    assert not Application.objects.exists()


@pytest.mark.parametrize("prefix", ["linxiao", "LinXiao", "postmaster", "held"])
def test_taken_reserved_and_applied_for_are_answered_alike(open_tenant, lin, prefix):
    Address.objects.create(
        enterprise=open_tenant.enterprise, domain=open_tenant.domain, local="postmaster", purpose="reserved"
    )
    apply(open_tenant.enterprise, prefix="held", phone="+8613900139009")
    client = new_phone()
    prove(client, join_path(open_tenant.enterprise))
    answer = client.post("/j/apply/", {"name": "张伟", "prefix": prefix})
    assert answer.status_code == 422
    assert "available. Choose another one" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert 'value="张伟"' in answer.text
    assert "林晓" not in answer.text


@pytest.mark.parametrize(
    ("name", "prefix"), [("", "ok"), ("张伟", ""), ("张伟", "a..b"), ("a\u202eb", "ok"), ("张" * 65, "ok")]
)
def test_invalid_input_is_reported_beside_its_field(free_tenant, name, prefix):
    client = new_phone()
    prove(client, join_path(free_tenant.enterprise))
    answer = client.post("/j/apply/", {"name": name, "prefix": prefix})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert not Member.objects.exists()


@pytest.mark.parametrize("name", ["\u3164", "\u115f\u1160", "\uffa0", "\u2800", "张\u3164三"])
def test_an_invisible_name_is_refused(free_tenant, name):
    client = new_phone()
    prove(client, join_path(free_tenant.enterprise))
    assert client.post("/j/apply/", {"name": name, "prefix": "ok"}).status_code == 422
    assert not Member.objects.exists()


def test_a_person_who_may_not_sign_in_is_told_that_joining_is_closed(free_tenant):
    User.objects.create(phone=PHONE, name="张伟", is_active=False)
    client = new_phone()
    prove(client, join_path(free_tenant.enterprise))
    answer = client.post("/j/apply/", {"name": "张伟", "prefix": "zhangwei"})
    assert answer.status_code == 422
    assert "This membership is disabled. Contact the person who invited you." in answer.text
    assert not Member.objects.exists()


def test_a_free_mailbox_is_offered_from_the_name(open_tenant):
    build_member(open_tenant, "曾国", "zengguo", None, activation="code")
    client = new_phone()
    prove(client, join_path(open_tenant.enterprise))
    page = client.post("/j/prefix/", {"name": "曾国", "prefix": ""})
    assert 'value="zengguo2"' in page.text
    assert "zengguo2@example.com is available" in page.text
    fragment = client.post("/j/prefix/", {"name": "曾国", "prefix": "zengguo"}, headers={"hx-request": "true"})
    assert "<main" not in fragment.text
    assert "isn't available" in fragment.text


def test_ten_names_an_hour_can_be_tried_and_no_more(open_tenant, lin):
    client = new_phone()
    prove(client, join_path(open_tenant.enterprise))
    for number in range(5):
        assert client.post("/j/prefix/", {"name": "", "prefix": f"name{number}"}).status_code == 200
        assert client.post("/j/apply/", {"name": "张伟", "prefix": "linxiao"}).status_code == 422
    spent = client.post("/j/prefix/", {"name": "", "prefix": "another"})
    assert spent.status_code == 429
    assert 0 < int(spent["Retry-After"]) <= 3600
    assert client.post("/j/apply/", {"name": "张伟", "prefix": "linxiao"}).status_code == 429
    assert client.post("/j/apply/", {"name": "张伟", "prefix": "zhangwei"}).status_code == 303


def test_the_same_phone_has_one_application_and_finds_it_again(open_tenant):
    apply(open_tenant.enterprise)
    elsewhere = new_phone()
    PhoneCode.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    prove(elsewhere, join_path(open_tenant.enterprise))
    assert elsewhere.get("/j/")["Location"] == "/j/status/"
    assert 'data-state="pending"' in elsewhere.get("/j/status/").text
    assert elsewhere.post("/j/apply/", {"name": "别名", "prefix": "other"}).status_code == 303
    assert Application.objects.count() == 1


def test_a_withdrawn_application_frees_its_address_and_may_be_filed_again(open_tenant):
    client = apply(open_tenant.enterprise)
    assert client.post("/j/status/withdraw/").status_code == 303
    assert 'data-state="withdrawn"' in client.get("/j/status/").text
    assert not Address.objects.filter(purpose="held").exists()
    PhoneCode.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    apply(open_tenant.enterprise)
    assert Application.objects.filter(state="pending").count() == 1


def test_a_phone_applies_three_times_a_day(open_tenant):
    for number in range(4):
        PhoneCode.objects.update(created_at=timezone.now() - timedelta(hours=2))
        client = new_phone()
        prove(client, join_path(open_tenant.enterprise))
        answer = client.post("/j/apply/", {"name": "张伟", "prefix": "zhangwei"})
        assert answer.status_code == (303 if number < 3 else 429)
        client.post("/j/status/withdraw/")
    assert int(answer["Retry-After"]) > 0


def test_the_wait_after_three_applications_ends_when_the_oldest_is_a_day_old(open_tenant):
    now = timezone.now()
    for _ in range(3):
        apply(open_tenant.enterprise).post("/j/status/withdraw/")
        PhoneCode.objects.update(created_at=now - timedelta(hours=2))
    Application.objects.update(created_at=now - timedelta(hours=23, minutes=50))
    client = new_phone()
    prove(client, join_path(open_tenant.enterprise))
    answer = client.post("/j/apply/", {"name": "张伟", "prefix": "zhangwei"})
    assert answer.status_code == 429
    assert 590 <= int(answer["Retry-After"]) <= 600
    assert "tomorrow" not in answer.text
    Application.objects.update(created_at=now - timedelta(days=1))
    assert client.post("/j/apply/", {"name": "张伟", "prefix": "zhangwei"}).status_code == 303


def test_two_hundred_may_wait_and_no_more(open_tenant, settings):
    """J15."""
    settings.APPLICATIONS_PENDING = 2
    apply(open_tenant.enterprise, prefix="a1", phone="+8613900139011")
    apply(open_tenant.enterprise, prefix="a2", phone="+8613900139012")
    client = new_phone()
    prove(client, join_path(open_tenant.enterprise))
    answer = client.post("/j/apply/", {"name": "张伟", "prefix": "zhangwei"})
    assert answer.status_code == 429
    assert "Too many join requests are waiting" in answer.text
    assert Application.objects.count() == 2


def test_a_number_abroad_gets_no_code(open_tenant):
    client = new_phone()
    client.get(join_path(open_tenant.enterprise))
    answer = client.post("/j/send/", {"phone": "+14155552671"})
    assert answer.status_code == 422
    assert not PhoneCode.objects.exists()


def test_a_code_again_within_a_minute_is_refused(open_tenant):
    client = new_phone()
    client.get(join_path(open_tenant.enterprise))
    client.post("/j/send/", {"phone": PHONE})
    for answer in (client.post("/j/send/", {"phone": PHONE}), client.post("/j/resend/")):
        assert answer.status_code == 429
        assert 0 < int(answer["Retry-After"]) <= 60
    assert Message.objects.count() == 1


def test_a_wrong_code_is_refused_and_five_end_it(open_tenant):
    client = new_phone()
    client.get(join_path(open_tenant.enterprise))
    client.post("/j/send/", {"phone": PHONE})
    wrong = "000000" if code_to(PHONE) != "000000" else "111111"
    for _ in range(5):
        answer = client.post("/j/code/", {"code": wrong})
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text
        assert 'name="next" value="/j/"' in answer.text, "the language is changed where a GET is answered"
    assert client.post("/j/code/", {"code": wrong}).status_code == 429


def test_without_the_link_the_page_asks_for_it(open_tenant):
    client = new_phone()
    for answer in (client.get("/j/"), client.post("/j/send/", {"phone": PHONE}), client.get("/j/status/")):
        assert answer.status_code == 404
    client.cookies["joining"] = "l1:forged:signature"
    assert client.get("/j/").status_code == 404


def test_details_need_a_proven_phone(open_tenant):
    client = new_phone()
    client.get(join_path(open_tenant.enterprise))
    for path in ("/j/apply/", "/j/prefix/", "/j/member/"):
        assert client.post(path, {"name": "张伟", "prefix": "zhangwei"})["Location"] == "/j/"
    assert not Application.objects.exists()


def test_a_proof_is_good_for_half_an_hour(open_tenant, time_machine):
    client = new_phone()
    prove(client, join_path(open_tenant.enterprise))
    time_machine.move_to(timezone.now() + timedelta(seconds=1801))
    assert client.post("/j/apply/", {"name": "张伟", "prefix": "zhangwei"})["Location"] == "/j/"


def test_the_enterprise_words_its_privacy_notice(open_tenant):
    rules = rules_of(open_tenant.enterprise)
    rules.privacy_notice = "我们只用于<b>审批</b>。"
    rules.save()
    client = new_phone()
    page = client.get(join_path(open_tenant.enterprise), follow=True).text
    assert "我们只用于&lt;b&gt;审批&lt;/b&gt;。" in page


def word_notice(tenant, text: str) -> None:
    """The administrator words the privacy notice."""
    edit_rules(
        tenant.enterprise,
        by=BY,
        enabled=True,
        approval_required=True,
        default_department=tenant.root,
        default_domain=tenant.domain,
        privacy_notice=text,
    )


def test_consent_is_kept_with_its_time_and_the_text_as_it_was(open_tenant, client_of, alice, time_machine):
    word_notice(open_tenant, "第一版。")
    word_notice(open_tenant, "第一版。")
    word_notice(open_tenant, "第二版。")
    client = new_phone()
    prove(client, join_path(open_tenant.enterprise))
    agreed = timezone.now()
    time_machine.move_to(agreed + timedelta(minutes=5))
    word_notice(open_tenant, "第三版。")
    assert client.post("/j/apply/", {"name": "张伟", "prefix": "zhangwei"}).status_code == 303
    application = application_of()
    assert (application.consented_to.number, application.consented_to.text) == (2, "第二版。")
    assert abs(application.consented_at - agreed) < timedelta(seconds=10)
    page = client_of(alice).get(f"/console/applications/{application.pk}/").text
    assert "Version 2" in page
    assert "第二版。" in page
    assert "第三版。" not in page


def test_filing_without_a_consent_is_consent_to_the_present_notice(open_tenant):
    """T10."""
    word_notice(open_tenant, "第一版。")
    word_notice(open_tenant, "第二版。")
    link = default_link(open_tenant.enterprise)
    typed = ApplicationInput("张伟", "zhangwei")
    filed = file_application(link, typed, phone=PHONE, by=Actor(user=None, name="张伟"))
    assert filed.consented_to.text == "第二版。"
    assert abs(filed.consented_at - timezone.now()) < timedelta(seconds=10)


def test_a_notice_changed_between_page_and_post_is_read_again(open_tenant):
    word_notice(open_tenant, "旧文。")
    client = new_phone()
    page = client.get(join_path(open_tenant.enterprise), follow=True).text
    assert 'name="notice" value="1"' in page
    word_notice(open_tenant, "新文。")
    answer = client.post("/j/send/", {"phone": PHONE, "notice": "1"})
    assert answer.status_code == 422
    assert "Read it again" in answer.text
    assert "新文。" in answer.text
    assert 'name="notice" value="2"' in answer.text
    assert not Message.objects.exists()
    assert client.post("/j/send/", {"phone": PHONE, "notice": "2"}).status_code == 303


def test_the_general_text_is_agreed_to_where_none_is_worded(open_tenant, client_of, alice):
    word_notice(open_tenant, "曾经有过。")
    word_notice(open_tenant, "")
    apply(open_tenant.enterprise)
    assert application_of().consented_to is None
    assert "default notice" in client_of(alice).get(f"/console/applications/{application_of().pk}/").text


def test_a_department_deleted_meanwhile_is_asked_for_at_the_desk(open_tenant, client_of, alice):
    """J9: a clear state, no fault."""
    rules = rules_of(open_tenant.enterprise)
    rules.default_department = open_tenant.east
    rules.save()
    apply(open_tenant.enterprise)
    desk = client_of(alice)
    assert (
        "t empty: join settings. Only"
        in desk.post(f"/console/departments/{open_tenant.east.pk}/delete/", follow=True).text
    )
    rules.default_department = None
    rules.save()
    desk.post(f"/console/departments/{open_tenant.east.pk}/delete/")
    application = application_of()
    page = desk.get(f"/console/applications/{application.pk}/")
    assert "has been deleted" in page.text
    refused = desk.post(f"/console/applications/{application.pk}/approve/")
    assert refused.status_code == 422
    assert application_of().is_pending
    form = {"name": "张伟", "prefix": "zhangwei", "domain": "example.com", "department": open_tenant.market.pk}
    assert desk.post(f"/console/applications/{application.pk}/approve/", form).status_code == 303
    assert Member.objects.get().main_department == open_tenant.market
