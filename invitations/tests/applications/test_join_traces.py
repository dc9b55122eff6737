"""J2: a token is in clear in the message that carries it and nowhere else: no row, no log, no page, no task."""

from __future__ import annotations

import io
import json
import logging

import pytest
from celery.signals import before_task_publish
from django.apps import apps
from django.test import Client

from core.encryption import decrypt
from directory.joining.invitations import invite_member
from directory.models import Member
from directory.tests.phone import newest
from exmail_admin import logs
from invitations.batches.send import Actor
from invitations.links.actions import colleague_link_url, issue_link, url_of
from invitations.tests.people import application_of, apply, decision_path, join_path, path_of
from sms.tasks import deliver_messages


@pytest.fixture
def lines():
    """Return the lines written to the log."""
    logs.configure()
    handler = logging.getLogger().handlers[-1]
    stream = io.StringIO()
    handler.setStream(stream)
    yield stream.getvalue
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def published():
    """Return the tasks sent to the broker."""
    tasks: list[str] = []

    def note(body=None, headers=None, **kwargs):
        tasks.append(json.dumps([body, headers], default=str))

    before_task_publish.connect(note)
    yield tasks
    before_task_publish.disconnect(note)


def dump() -> str:
    """Return every column of every row."""
    models = [model for model in apps.get_models() if model._meta.managed]
    return "\n".join(repr(row) for model in models for row in model._default_manager.values_list())


def token_of(path: str) -> str:
    return path.split("/")[2]


@pytest.mark.django_db(transaction=True)
def test_a_token_leaves_no_trace(client_of, open_tenant, alice, lin, wang, lines, published):
    by = Actor(user=alice, name="Alice")
    named = path_of(url_of(issue_link(open_tenant.enterprise, by=by, name="招聘会")))
    links = [join_path(open_tenant.enterprise), named, path_of(colleague_link_url(lin))]
    desk, pages = client_of(alice), []
    for number, path in enumerate(links):
        phone = f"+861390013901{number}"
        applicant = apply(open_tenant.enterprise, f"人{number}", f"ren{number}", phone, path)
        desk.post(f"/console/applications/{application_of(phone).pk}/approve/")
        pages += [applicant.get("/j/status/").text, desk.get("/console/applications/?state=approved").text]
    pages += [Client().get(path, follow=True).text for path in links]
    invite_member(Member.objects.get(pk=wang.pk), by=by)
    personal = "/" + decrypt(newest(wang.phone, "invitation").encrypted)["link"].split("/", 3)[3]
    decision = decision_path("+8613900139010")
    reader = Client()
    pages += [reader.get(personal, follow=True).text, reader.get(decision, follow=True).text]
    deliver_messages()

    everything = dump() + lines() + "".join(published) + "".join(pages)
    assert published
    assert '"route": "j/<str:token>/"' in lines()
    assert "人0" in dump()
    for path in [*links, personal, decision]:
        assert token_of(path) not in everything
