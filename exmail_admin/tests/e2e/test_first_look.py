"""The owner signs in and sees the overview."""

import pytest

from exmail_admin.tests.e2e.conftest import DESK, PHONE


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_the_owner_signs_in_and_sees_the_overview(console, open_page, sign_in_as_owner, viewport):
    page = sign_in_as_owner(open_page(viewport))
    assert page.url == f"{console.url}/console/"
    assert page.locator("main h1").is_visible()


def test_no_page_is_wider_than_a_phone(phone):
    phone.goto("/login/")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
