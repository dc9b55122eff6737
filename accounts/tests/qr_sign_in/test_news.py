"""A sign-in by QR code is told to every other session of its person, who ends it at once (security.md Q27)."""

import time

import pytest

from accounts.models import AuditEvent, ScannedSession
from accounts.tests.qr_sign_in.people import approved, claim, is_in, path

pytestmark = pytest.mark.django_db


def test_q27_the_phone_hears_at_once_and_ends_it_at_once(desk, phone, lin):
    code = approved(desk, phone)
    page = phone.get(path(code)).content.decode()
    assert "New sign-in" in page
    assert "Not me" in page
    begin = time.monotonic()
    claim(desk, code)
    assert "The computer is signed in" in phone.get(path(code)).content.decode()
    assert time.monotonic() - begin < 5
    begin = time.monotonic()
    assert phone.post(path(code, "decline/")).status_code == 303
    assert not is_in(desk)
    assert time.monotonic() - begin < 1
    assert is_in(phone)
    assert not lin.user.known_browsers.exists()  # where others must scan, its browser is a stranger's again
    assert AuditEvent.objects.filter(action="device_signed_out").count() == 1
    assert b'data-state="declined"' in phone.get(path(code)).content


def test_q27_every_other_session_shows_it_until_it_is_known(desk, phone, client_of, lin, tenant):
    tablet = client_of(lin.user, method="code", enterprise=tenant.enterprise)
    claim(desk, approved(desk, phone))
    device = ScannedSession.objects.get().session_id
    for browser in (phone, tablet):
        for page in ("/mailbox/", "/mailbox/devices/", "/choose/"):
            assert b"New sign-in by QR code" in browser.get(page).content
    assert b"allowed with Safari on iPhone" in phone.get("/mailbox/devices/").content
    assert b"New sign-in by QR code" not in desk.get("/mailbox/").content
    desk.post(f"/mailbox/devices/{device}/know/")  # it doesn't vouch for itself
    assert b"New sign-in by QR code" in tablet.get("/mailbox/").content
    assert tablet.post(f"/mailbox/devices/{device}/know/").status_code == 303
    assert b"New sign-in by QR code" not in phone.get("/mailbox/").content
    assert is_in(desk)


def test_q27_not_me_in_the_list_ends_it(desk, phone):
    claim(desk, approved(desk, phone))
    device = ScannedSession.objects.get().session_id
    begin = time.monotonic()
    assert phone.post(f"/mailbox/devices/{device}/end/").status_code == 303
    assert not is_in(desk)
    assert time.monotonic() - begin < 1
    assert not ScannedSession.objects.exists()


def test_another_person_s_device_is_neither_known_nor_ended(desk, phone, wu_phone):
    claim(desk, approved(desk, phone))
    device = ScannedSession.objects.get().session_id
    assert wu_phone.post(f"/mailbox/devices/{device}/know/").status_code == 404
    assert wu_phone.post(f"/mailbox/devices/{device}/end/").status_code == 404
    assert b"New sign-in" not in wu_phone.get("/mailbox/").content
