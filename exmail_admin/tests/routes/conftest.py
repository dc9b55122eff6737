"""Fixtures of the tests over all routes: a browser per kind of person, and a path with real ids per route."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.audit.recording import command_actor
from directory.models import Address, BulkAction, Import
from exmail_admin.tests.test_conventions import routes
from invitations.links.actions import issue_link
from invitations.models import Application, Decision
from sms.models import Message


@pytest.fixture
def browser_of(client, client_of, tenant, lin, erin, bob, dora, alice, charlie):
    """`browser_of(person)` is a browser in which that person is signed in."""
    users = {"auditor": erin, "department_admin": bob, "admin": dora, "owner": alice, "stranger": charlie}

    def browser(person):
        if person == "anonymous":
            return client
        if person == "member":
            return client_of(lin.user, method="code", enterprise=tenant.enterprise)
        return client_of(users[person])

    return browser


@pytest.fixture
def application(tenant):
    """Create a pending application for the department administrator's department."""
    address = Address.objects.create(enterprise=tenant.enterprise, domain=tenant.domain, local="xin", purpose="held")
    return Application.objects.create(
        enterprise=tenant.enterprise,
        name="新人",
        phone="+8613900139001",
        prefix="xin",
        domain=tenant.domain,
        department=tenant.east,
        address=address,
        consented_at=timezone.now(),
    )


@pytest.fixture
def path_of(tenant, wang, alice, bob, application, settings, tmp_path):
    """`path_of(route)` with ids of our enterprise; import and role are the department administrator's, the bulk action
    is the owner's."""
    columns = {"row": 1, "indexes": {"name": 0, "prefix": 1}, "titles": ["姓名", "邮箱前缀"], "unknown": []}
    heading = {"columns": columns, "sheet": "", "other_sheets": [], "hidden_rows": 0, "hidden_columns": 0}
    decision = Decision.objects.create(enterprise=tenant.enterprise, author_name="Alice", verdict="approved")
    link = issue_link(tenant.enterprise, by=command_actor(), name="招聘会")
    imported = Import.objects.create(enterprise=tenant.enterprise, author=bob, state="ready", heading=heading)
    settings.EXPORT_DIR = tmp_path / "exports"
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "one.xlsx").write_text("workbook")
    written = {"kind": "export", "state": "done", "stored": "one", "finished_at": timezone.now()}
    action = BulkAction.objects.create(enterprise=tenant.enterprise, author=alice, author_name="Alice", **written)
    message = Message.objects.create(
        enterprise=tenant.enterprise, kind="invitation", purpose="invitation", state="unknown"
    )

    def path(route):
        noun = route.split(":")[1].split("_")[0]
        ids = {
            "member": wang.pk,
            "department": tenant.east.pk,
            "domain": tenant.domain.pk,
            "choose": tenant.enterprise.pk,
        }
        ids |= {"import": imported.pk, "application": application.pk, "link": link.pk, "decision": decision.pk}
        ids |= {"administrator": bob.roles.get().pk, "message": message.pk, "bulk": action.pk, "audit": 99}
        pattern = dict(routes())[route].pattern
        arguments = {"id": ids.get(noun, 1), "token": "A" * 43}
        return reverse(route, kwargs={name: arguments[name] for name in pattern.converters})

    return path
