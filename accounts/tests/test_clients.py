"""Which browser asks, and from where; nobody may say so of themselves."""

import pytest
from django.test import Client, RequestFactory

from accounts.clients import address_block, browser_secret, client_address


def request_from(remote="203.0.113.9", forwarded=None):
    headers = {"x-forwarded-for": forwarded} if forwarded is not None else {}
    return RequestFactory(headers=headers).get("/", REMOTE_ADDR=remote)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, None, "203.0.113.9"),
        (0, "6.6.6.6", "203.0.113.9"),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        (2, "6.6.6.6, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
        (2, "198.51.100.1", "203.0.113.9"),
        (1, "", "203.0.113.9"),
        (1, None, "203.0.113.9"),
        (1, "nonsense", "203.0.113.9"),
        (1, "198.51.100.1:4711", "198.51.100.1"),
        (1, "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "::ffff:198.51.100.1", "198.51.100.1"),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, "6.6.6.6\r\nx: y", "203.0.113.9"),
    ],
)
def test_the_address_is_what_the_outermost_trusted_proxy_saw(settings, proxies, forwarded, address):
    settings.TRUSTED_PROXY_COUNT = proxies
    assert client_address(request_from(forwarded=forwarded)) == address


def test_a_socket_without_an_address_has_a_name_too():
    assert client_address(request_from(remote="")) == "0.0.0.0"


def test_a_hundred_forged_addresses_are_one(settings):
    """Threat O9."""
    for proxies in (0, 1):
        settings.TRUSTED_PROXY_COUNT = proxies
        tail = ", 198.51.100.1" if proxies else ""
        assert len({client_address(request_from(forwarded=f"10.9.8.{n}{tail}")) for n in range(100)}) == 1


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
    ],
)
def test_an_ipv6_customer_is_one_block(address, block):
    assert address_block(address) == block


def test_a_browser_has_one_secret_of_128_bits():
    request = request_from()
    secret = browser_secret(request)
    assert len(secret) == 22
    assert browser_secret(request) == secret
    assert browser_secret(request_from()) != secret


@pytest.mark.parametrize("cookie", ["", "short", "a" * 23, "a" * 21 + "!", "ä" * 22])
def test_a_cookie_that_is_not_ours_is_replaced(cookie):
    request = request_from()
    request.COOKIES["browser"] = cookie
    assert browser_secret(request) != cookie


@pytest.mark.django_db
def test_no_cookie_is_set_where_none_was_needed():
    assert "browser" not in Client().get("/login/").cookies
