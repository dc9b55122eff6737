"""The demo's component page and phone, with DEBUG only."""

import json

import pytest

from exmail_admin.demo.views import TAIL_LINES, last_messages, split_text


@pytest.fixture
def debug(settings):
    settings.HAS_DEMO = True


def line(text, *, to="+8613800138000", at="2026-11-22T09:00:00Z"):
    return json.dumps({"id": "1", "to": to, "kind": "code", "text": text, "at": at}, ensure_ascii=False)


@pytest.mark.usefixtures("debug")
def test_bench_shows_every_component(client, db):
    page = client.get("/demo/components/").content.decode()
    for name in (
        "button",
        "badge",
        "card",
        "notice",
        "toast",
        "avatar",
        "steps",
        "progress",
        "dialog",
        "menu",
        "empty",
    ):
        assert f'class="{name}' in page, name
    assert 'aria-invalid="true"' in page
    assert "<script>alert" not in page
    assert "<c-" not in page


@pytest.mark.usefixtures("debug")
def test_errors_are_tied_to_their_fields(client, db):
    page = client.get("/demo/components/").content.decode()
    assert 'aria-describedby="refused_prefix_error"' in page
    assert 'id="refused_prefix_error"' in page


@pytest.mark.parametrize("path", ["/demo/components/", "/demo/phone/"])
def test_demo_pages_are_missing_without_debug(client, db, path):
    assert client.get(path).status_code == 404


@pytest.mark.usefixtures("debug")
def test_phone_without_messages_says_so(client, db):
    assert "empty__icon" in client.get("/demo/phone/").content.decode()


@pytest.mark.usefixtures("debug")
def test_phone_shows_newest_first_with_link_and_code(client, db, settings, tmp_path):
    path = tmp_path / "sms.jsonl"
    settings.SMS_FILE = str(path)
    path.write_text(
        line("加入：http://127.0.0.1:8000/i/abc/ 请点击") + "\n" + line("验证码 012345，5 分钟内有效") + "\nbroken\n"
    )
    page = client.get("/demo/phone/").content.decode()
    assert 'href="http://127.0.0.1:8000/i/abc/"' in page
    assert page.index("012345") < page.index("/i/abc/")


@pytest.mark.usefixtures("debug")
def test_phone_escapes_what_a_message_says(client, db, settings, tmp_path):
    path = tmp_path / "sms.jsonl"
    settings.SMS_FILE = str(path)
    path.write_text(line("<script>alert(1)</script>") + "\n")
    assert "<script>alert" not in client.get("/demo/phone/").content.decode()


def test_only_the_end_of_a_long_file_is_read(tmp_path):
    path = tmp_path / "sms.jsonl"
    path.write_text("".join(line(f"短信 {number}") + "\n" for number in range(10_000)))
    found = last_messages(path)
    assert len(found) == TAIL_LINES
    assert found[-1]["parts"][0]["text"] == "短信 9999"


def test_code_is_six_digits_that_stand_alone():
    assert [part["kind"] for part in split_text("码 123456。号 13800138000")] == ["text", "code", "text"]


@pytest.mark.usefixtures("debug")
def test_phone_that_asks_again_is_answered_only_if_something_came(client, db, settings, tmp_path):
    path = tmp_path / "sms.jsonl"
    settings.SMS_FILE = str(path)
    path.write_text(line("一") + "\n")
    seen = client.get("/demo/phone/").context["mark"]
    assert client.get("/demo/phone/", {"seen": seen}).status_code == 204
    path.write_text(line("一") + "\n" + line("二") + "\n")
    assert client.get("/demo/phone/", {"seen": seen}).status_code == 200
