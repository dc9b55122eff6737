"""The join settings: the switch and the rules, the link as text and as a readable QR code."""

from __future__ import annotations

import io

import pytest
import zxingcpp
from PIL import Image

from accounts.models import AuditEvent, Enterprise
from conftest import build_department
from invitations.links.actions import default_link, url_of
from invitations.links.settings import rules_of


@pytest.fixture
def desk(client_of, alice):
    return client_of(alice)


def form(tenant, **changes):
    fields = {
        "enabled": "on",
        "approval_required": "on",
        "default_department": tenant.root.pk,
        "default_domain": "example.com",
        "privacy_notice": "",
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


def test_the_link_is_shown_while_joining_is_closed_too(desk, tenant):
    page = desk.get("/console/joining/").text
    assert page.count(url_of(default_link(tenant.enterprise))) >= 2
    assert "checked" not in page[page.index('name="enabled"') :][:60]
    assert f'<option value="{tenant.root.pk}" selected>' in page
    assert '<option value="example.com" selected>' in page


def test_saving_opens_joining_and_is_recorded(desk, tenant):
    answer = desk.post("/console/joining/", form(tenant, approval_required=None, default_department=tenant.east.pk))
    assert (answer.status_code, answer["Location"]) == (303, "/console/joining/")
    tenant.enterprise.refresh_from_db()
    rules = rules_of(tenant.enterprise)
    assert tenant.enterprise.is_joining_open
    assert not rules.approval_required
    assert rules.default_department == tenant.east
    event = AuditEvent.objects.get(action="joining_edited")
    assert event.personal["after"]["enabled"] is True
    desk.post("/console/joining/", form(tenant, approval_required=None, default_department=tenant.east.pk))
    assert AuditEvent.objects.filter(action="joining_edited").count() == 1


def test_another_enterprises_department_can_not_be_chosen(desk, tenant, other_tenant):
    answer = desk.post("/console/joining/", form(tenant, default_department=other_tenant.root.pk))
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert not Enterprise.objects.get(pk=tenant.enterprise.pk).is_joining_open


def test_a_reset_gives_another_link(desk, tenant):
    old = url_of(default_link(tenant.enterprise))
    assert desk.get("/console/joining/reset/").status_code == 302
    assert desk.post("/console/joining/reset/")["Location"] == "/console/joining/"
    new = url_of(default_link(tenant.enterprise))
    assert new != old
    assert old not in desk.get("/console/joining/").text
    assert AuditEvent.objects.filter(action="join_link_reset").count() == 1


@pytest.mark.parametrize("size", [171, 399, 741, 2052])
def test_a_camera_reads_the_code_in_every_size(desk, tenant, size):
    answer = desk.get(f"/console/joining/qr.png?size={size}")
    assert answer["Content-Type"] == "image/png"
    image = Image.open(io.BytesIO(answer.content))
    assert image.size == (size, size)
    assert zxingcpp.read_barcodes(image.convert("L"))[0].text == url_of(default_link(tenant.enterprise))


def test_other_sizes_are_not_drawn(desk):
    for size in ("", "0", "172", "99999", "abc"):
        assert desk.get(f"/console/joining/qr.png?size={size}").status_code == 404


def test_the_svg_is_one_drawing_without_style(desk):
    answer = desk.get("/console/joining/qr.svg")
    assert answer["Content-Type"] == "image/svg+xml"
    assert answer.text.startswith("<svg")
    assert "style" not in answer.text


def test_the_poster_names_the_enterprise(desk, tenant):
    page = desk.get("/console/joining/poster/").text
    assert tenant.enterprise.name in page
    assert url_of(default_link(tenant.enterprise)) in page


def test_after_another_secret_key_the_page_says_what_to_do(desk, tenant, settings):
    link = default_link(tenant.enterprise)
    link.encrypted_token = "broken"
    link.save()
    page = desk.get("/console/joining/")
    assert page.status_code == 200
    assert "Reset it" in page.text
    assert desk.get("/console/joining/qr.svg").status_code == 404


@pytest.mark.parametrize("who", ["bob", "erin"])
def test_only_settings_managers_see_the_link(request, client_of, tenant, who):
    client = client_of(request.getfixturevalue(who))
    page = client.get("/console/joining/")
    assert page.status_code == (200 if who == "erin" else 403)
    assert url_of(default_link(tenant.enterprise)) not in page.text
    for path in ("qr.svg", "qr.png?size=171", "poster/"):
        assert client.get(f"/console/joining/{path}").status_code == 403
    assert client.post("/console/joining/reset/").status_code == 403


def test_each_enterprise_has_its_own_link(tenant, other_tenant):
    build_department(other_tenant.enterprise, "x", other_tenant.root)
    assert url_of(default_link(tenant.enterprise)) != url_of(default_link(other_tenant.enterprise))
