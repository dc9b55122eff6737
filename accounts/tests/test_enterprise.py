"""The enterprise's own settings."""

from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Enterprise
from conftest import audit_events
from sms.models import Message

pytestmark = pytest.mark.django_db
PATH = "/console/settings/"
GOOD = {
    "name": "示例科技",
    "language": "zh-hans",
    "time_zone": "Asia/Shanghai",
    "region": "CN",
    "code_rule": "everyone",
}


@pytest.fixture
def owner(client_of, alice):
    return client_of(alice)


def test_the_page_shows_what_is_set(owner):
    page = owner.get(PATH).content.decode()
    for part in ('value="示例科技"', 'value="Asia/Shanghai" selected', 'value="CN" selected', "required"):
        assert part in page


def test_a_change_is_saved_and_recorded(owner, enterprise):
    response = owner.post(PATH, GOOD | {"name": "新名", "region": "HK"})
    assert (response.status_code, response.url) == (303, PATH)
    enterprise.refresh_from_db()
    assert (enterprise.name, enterprise.region, enterprise.language) == ("新名", "HK", "zh-hans")
    event = audit_events().get()
    assert (event.action, event.role, event.via) == ("enterprise_edited", "owner", "web")
    assert event.personal["before"] == {"name": "示例科技", "region": "CN"}
    assert event.personal["after"] == {"name": "新名", "region": "HK"}
    assert "Settings saved." in owner.get(PATH).content.decode()


def test_saving_what_is_set_records_nothing(owner):
    assert owner.post(PATH, GOOD).status_code == 303
    assert not audit_events().exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "  "),
        ("name", "x" * 65),
        ("name", "a\x00b"),
        ("name", "技科例示\u202e"),
        ("language", "fr"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../../etc/passwd"),
        ("region", "XX"),
        ("region", ""),
        ("code_rule", ""),
        ("code_rule", "nobody"),
    ],
)
def test_invalid_input_is_refused_beside_its_field(owner, enterprise, field, value):
    response = owner.post(PATH, GOOD | {"name": "Typed"} | {field: value})
    assert response.status_code == 422
    assert b'aria-invalid="true"' in response.content
    if field != "name":
        assert b'value="Typed"' in response.content
    assert Enterprise.objects.get(pk=enterprise.pk).name == "示例科技"


def test_a_rule_on_codes_holds_from_when_it_was_set_until_it_is_lifted(owner, enterprise):
    before = timezone.now()
    assert owner.post(PATH, GOOD | {"code_rule": "abroad"}).status_code == 303
    enterprise.refresh_from_db()
    since = enterprise.code_rule_since
    assert before <= since <= timezone.now()
    event = audit_events().get()
    assert (event.personal["before"], event.personal["after"]) == ({"code_rule": "everyone"}, {"code_rule": "abroad"})
    assert "Members who joined earlier can still use a code" in owner.get(PATH).text

    owner.post(PATH, GOOD | {"code_rule": "abroad", "name": "新名"})
    enterprise.refresh_from_db()
    assert enterprise.code_rule_since == since

    owner.post(PATH, GOOD | {"code_rule": "everyone"})
    enterprise.refresh_from_db()
    assert enterprise.code_rule_since is None
    assert "Members who joined earlier can still use a code" not in owner.get(PATH).text


@pytest.mark.parametrize("name", ["x", "x" * 64, "😀<script>alert(1)</script>"])
def test_a_name_may_be_odd(owner, name):
    assert owner.post(PATH, GOOD | {"name": name}).status_code == 303
    assert b"<script>alert" not in owner.get(PATH).content


def test_what_the_form_doesn_t_offer_can_t_be_set(owner, enterprise):
    owner.post(PATH, GOOD | {"is_joining_open": "1", "is_demo": "1", "id": "99"})
    enterprise.refresh_from_db()
    assert (enterprise.is_joining_open, enterprise.is_demo) == (False, False)


def test_another_enterprise_is_out_of_reach(client_of, charlie, enterprise):
    client_of(charlie).post(PATH, GOOD | {"name": "Taken over"})
    enterprise.refresh_from_db()
    assert enterprise.name == "示例科技"


def test_times_are_shown_in_the_enterprise_s_zone(owner, enterprise):
    Enterprise.objects.filter(pk=enterprise.pk).update(time_zone="America/New_York")
    message = Message.objects.create(
        enterprise=enterprise,
        kind="code",
        purpose="x",
        subject="x",
        to="+8613800138000",
        language="en",
        text="x",
        gateway="file",
    )
    local = message.created_at.astimezone(ZoneInfo("America/New_York"))
    assert f"{local:%Y-%m-%d %H:%M}".encode() in owner.get("/console/messages/").content


@pytest.mark.parametrize(("who", "status"), [("bob", 403), ("erin", 200)])
def test_lesser_roles_change_nothing_and_an_auditor_reads(client_of, request, enterprise, who, status):
    browser = client_of(request.getfixturevalue(who))
    assert browser.get(PATH).status_code == status
    assert browser.post(PATH, GOOD | {"name": "x"}).status_code == 403
    enterprise.refresh_from_db()
    assert enterprise.name == "示例科技"


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(owner, method):
    assert getattr(owner, method)(PATH).status_code == 405


def test_a_form_from_elsewhere_is_refused():
    assert Client(enforce_csrf_checks=True).post(PATH, GOOD).status_code == 403
