"""Language and theme: chosen by a form and stored in a cookie; the default is the browser's preference."""

import pytest
from django.test import Client

PAGE = "/login/"


pytestmark = pytest.mark.django_db


def test_language_follows_the_browser(client):
    assert '<html lang="en"' in client.get(PAGE, headers={"Accept-Language": "en-GB"}).content.decode()


@pytest.mark.parametrize("wish", ["fr", "zh-CN", "zh-TW", ""])
def test_language_is_chinese_where_the_browser_wishes_no_english(client, wish):
    assert '<html lang="zh-hans"' in client.get(PAGE, headers={"Accept-Language": wish}).content.decode()


def test_the_chosen_language_is_stored_and_redirects_back(client):
    answer = client.post("/language/", {"language": "en", "next": "/login/?q=1"})
    assert (answer.status_code, answer["Location"]) == (303, "/login/?q=1")
    assert '<html lang="en"' in client.get(PAGE, headers={"Accept-Language": "zh-CN"}).content.decode()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_chosen_theme_is_kept(client, theme):
    assert client.post("/theme/", {"theme": theme, "next": PAGE}).status_code == 303
    assert f'data-theme="{theme}"' in client.get(PAGE).content.decode()


def test_theme_goes_back_to_the_device(client):
    client.post("/theme/", {"theme": "dark"})
    client.post("/theme/", {"theme": "system"})
    assert "data-theme=" not in client.get(PAGE).content.decode()


@pytest.mark.parametrize("path", ["/language/", "/theme/"])
@pytest.mark.parametrize("to", ["https://evil.test/", "//evil.test", "javascript:alert(1)", "\\\\evil.test", ""])
def test_a_choice_never_redirects_to_another_host(client, path, to):
    assert client.post(path, {"language": "en", "theme": "dark", "next": to})["Location"] == "/"


@pytest.mark.parametrize(("path", "field"), [("/language/", "language"), ("/theme/", "theme")])
def test_unknown_choice_sets_no_cookie(client, path, field):
    assert not client.post(path, {field: "<b>"}).cookies


def test_forged_theme_cookie_reaches_no_page(client):
    client.cookies["theme"] = '"><script>'
    assert "data-theme=" not in client.get(PAGE).content.decode()


@pytest.mark.parametrize("path", ["/language/", "/theme/"])
def test_choice_is_a_post_with_a_token(path):
    strict = Client(enforce_csrf_checks=True)
    assert strict.get(path).status_code == 405
    assert strict.post(path, {"language": "en"}).status_code == 403
