"""The list of messages: what the enterprise sent, and only that."""

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from accounts.messages import list as message_list
from accounts.messages.list import MessageQuery
from accounts.models import AuditEvent
from sms.models import Message

pytestmark = pytest.mark.django_db
PATH = "/console/messages/"


def send(enterprise, n=1, **fields):
    fields = {
        "kind": "invitation",
        "purpose": "invitation",
        "subject": f"m{enterprise.pk}:{n}",
        "to": f"+861380013{n:04}",
        "language": "en",
        "template": "invitation",
        "text": f"Text {n}: https://…/",
        "gateway": "file",
        **fields,
    }
    return Message.objects.create(enterprise=enterprise, **fields)


@pytest.fixture
def owner(client_of, alice):
    return client_of(alice)


def ids(response):
    return [message.pk for message, _recipient, _member in response.context["rows"]]


def test_an_empty_list_has_an_empty_state(owner):
    assert b"No messages yet" in owner.get(PATH).content


def test_a_message_shows_state_reason_attempts_and_text(owner, enterprise):
    message = send(enterprise, 8000, state="rejected", reason="Number is not in use", attempts=3)
    page = owner.get(PATH).content.decode()
    for part in (
        f'data-id="{message.pk}"',
        "Rejected by provider",
        "Number is not in use",
        ">3<",
        "Text 8000",
        "138 0013 8000",
    ):
        assert part in page


def test_a_name_in_a_text_is_escaped(owner, enterprise):
    send(enterprise, text="<script>alert(1)</script>", reason="<b>x")
    page = owner.get(PATH).content
    assert b"<script>alert" not in page
    assert b"<b>x" not in page


def test_another_enterprise_s_messages_are_never_shown(owner, enterprise, other_tenant):
    mine = send(enterprise)
    send(other_tenant.enterprise, 4711, text="canary")
    send_none = Message.objects.create(
        kind="code", purpose="code", subject="x", to="+8613800134712", language="en", text="canary", gateway="file"
    )
    assert ids(owner.get(PATH)) == [mine.pk]
    assert ids(owner.get(PATH, {"q": "4711"})) == []
    assert ids(owner.get(PATH, {"after": str(mine.pk)})) == [mine.pk]
    assert ids(owner.get(PATH, {"before": str(send_none.pk + 1)})) == [mine.pk]


def test_state_and_kind_filter(owner, enterprise):
    sent = send(enterprise, 1, state="sent")
    rejected = send(enterprise, 2, state="rejected", kind="code")
    unknown = send(enterprise, 3, state="unknown")
    assert ids(owner.get(PATH, {"state": "sent"})) == [sent.pk]
    assert ids(owner.get(PATH, {"kind": "code"})) == [rejected.pk]
    assert ids(owner.get(PATH, {"state": "failed"})) == [unknown.pk, rejected.pk]
    assert len(ids(owner.get(PATH, {"state": "nonsense", "kind": "\x00", "before": "x", "after": "-1"}))) == 3
    assert b"No matching messages" in owner.get(PATH, {"state": "expired"}).content


@pytest.mark.parametrize("tail", ["8000", "13800138000", "138 0013 8000", "+8613800138000", "0"])
def test_a_phone_is_found_by_its_tail(owner, enterprise, tail):
    found = send(enterprise, 8000)
    send(enterprise, 8001)
    assert ids(owner.get(PATH, {"q": tail})) == [found.pk]


@pytest.mark.postgres
def test_an_index_finds_a_phone_by_its_tail(enterprise):
    messages = [Message(enterprise=enterprise, subject=f"m{n}", to=f"+8613800{n:06}") for n in range(5000)]
    Message.objects.bulk_create(messages)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sms_message")
    for digits in ("1234", "13800001234"):
        query = MessageQuery(QueryDict(f"q={digits}"), enterprise, sees_phones=True)
        assert "message_by_phone_tail" in query.matching().explain(), digits
        assert query.matching().get().to == "+8613800001234"


@pytest.mark.parametrize("nonsense", ["abc", "%", "'", "\x00x"])
def test_a_search_without_digits_finds_nothing(owner, enterprise, nonsense):
    send(enterprise)
    assert ids(owner.get(PATH, {"q": nonsense})) == []


def test_an_auditor_sees_phones_masked_and_can_t_guess_them(client_of, erin, enterprise):
    send(enterprise, 8000)
    auditor = client_of(erin)
    page = auditor.get(PATH).content
    assert b"138****8000" in page
    assert b"0013" not in page
    # Both find it: the masked digits don't count.
    assert len(ids(auditor.get(PATH, {"q": "13800138000"}))) == 1
    assert len(ids(auditor.get(PATH, {"q": "13899998000"}))) == 1


def test_pages_follow_one_another_by_key(owner, enterprise, monkeypatch):
    monkeypatch.setattr(MessageQuery, "page_size", 2)
    sent = [send(enterprise, n).pk for n in range(5)][::-1]
    first = owner.get(PATH)
    assert (ids(first), first.context["page"].previous_url) == (sent[:2], "")
    second = owner.get(PATH + first.context["page"].next_url)
    assert ids(second) == sent[2:4]
    third = owner.get(PATH + second.context["page"].next_url)
    assert (ids(third), third.context["page"].next_url) == (sent[4:], "")
    back = owner.get(PATH + third.context["page"].previous_url)
    assert ids(back) == sent[2:4]
    assert ids(owner.get(PATH + back.context["page"].previous_url)) == sent[:2]


def test_the_next_page_keeps_the_filters(owner, enterprise, monkeypatch):
    monkeypatch.setattr(MessageQuery, "page_size", 1)
    for n in (1, 2):
        send(enterprise, n, state="sent")
    assert owner.get(PATH, {"state": "sent", "q": "000"}).context["page"].next_url == ""
    assert "state=sent" in owner.get(PATH, {"state": "sent"}).context["page"].next_url


def test_the_count_is_capped(owner, enterprise, monkeypatch):
    send(enterprise, 1)
    assert b"1 message" in owner.get(PATH).content
    monkeypatch.setattr(message_list, "COUNT_CAP", 1)
    send(enterprise, 2)
    assert b"1+ messages" in owner.get(PATH).content


def test_a_page_costs_the_same_whatever_is_on_it(owner, enterprise):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            owner.get(PATH)
        return len(queries)

    for n in range(3):
        send(enterprise, n)
    few = cost()
    for n in range(3, 49):
        send(enterprise, n)
    assert cost() == few <= 7


def test_a_department_administrator_is_refused(client_of, bob):
    assert client_of(bob).get(PATH).status_code == 403


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_other_methods_are_refused(owner, method):
    assert getattr(owner, method)(PATH).status_code == 405


def test_an_administrator_confirms_an_unknown_outcome(owner, enterprise):
    message = send(enterprise, state="unknown")
    assert f"{PATH}{message.pk}/confirm/" in owner.get(PATH).content.decode()
    assert owner.post(f"{PATH}{message.pk}/confirm/").status_code == 303
    message.refresh_from_db()
    assert message.state == "sent"
    assert AuditEvent.objects.get(action="message_confirmed").target_id == str(message.pk)
    assert b"already known" in owner.post(f"{PATH}{message.pk}/confirm/", follow=True).content
    assert AuditEvent.objects.filter(action="message_confirmed").count() == 1


def test_an_outcome_that_is_being_looked_up_can_not_be_confirmed(owner, enterprise):
    message = send(enterprise, state="unknown", encrypted="x")
    page = owner.get(PATH).content.decode()
    assert "Checking with the SMS provider" in page
    assert f"{PATH}{message.pk}/confirm/" not in page


def test_an_auditor_can_not_confirm(client_of, erin, enterprise):
    message = send(enterprise, state="unknown")
    client = client_of(erin)
    assert "/confirm/" not in client.get(PATH).content.decode()
    assert client.post(f"{PATH}{message.pk}/confirm/").status_code == 403


def test_a_failed_invitation_links_to_the_member(owner, enterprise):
    send(enterprise, state="undelivered", subject="member:42", reason="The carrier filtered the SMS.")
    page = owner.get(PATH, {"state": "failed"}).content.decode()
    assert "/console/members/42/" in page
    assert "The carrier filtered the SMS." in page
    assert "Not delivered" in page
