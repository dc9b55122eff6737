"""Dangerous deeds want to know again who asks (security.md 6.1)."""

import time

import pytest

pytestmark = pytest.mark.django_db


def proven(browser, *, ago):
    """The person of this browser last showed who they are `ago` seconds back."""
    session = browser.session
    session["factor_at"] = session["proved_at"] = time.time() - ago
    session.save()
    return browser


DANGEROUS = [
    ("get", "/console/members/export/", 200),
    ("get", "/console/settings/domains/new/", 200),
    ("post", "/console/settings/domains/new/", 422),
    ("post", "/console/joining/", 422),
    ("post", "/console/joining/reset/", 303),
]


@pytest.mark.parametrize(("method", "path", "status"), DANGEROUS)
def test_a_dangerous_deed_is_done_within_ten_minutes_of_a_proof(client_of, alice, method, path, status):
    assert getattr(proven(client_of(alice), ago=600 - 5), method)(path).status_code == status


@pytest.mark.parametrize(("method", "path", "status"), DANGEROUS)
def test_ten_minutes_after_it_the_person_is_asked_again(client_of, alice, method, path, status):
    assert getattr(proven(client_of(alice), ago=600), method)(path).status_code not in {status, 403}


def test_looking_at_the_join_link_asks_nothing(client_of, alice):
    assert proven(client_of(alice), ago=3000).get("/console/joining/").status_code == 200


def test_where_things_are_tried_out_nobody_without_a_factor_is_asked(client_of, alice, settings):
    settings.ACCOUNTS_SECOND_FACTOR_REQUIRED = False
    assert proven(client_of(alice), ago=3000).post("/console/joining/reset/").status_code == 303
