"""Helpers for tests of joining: a phone that opens the link, verifies its number and applies."""

from __future__ import annotations

from django.test import Client

from core.encryption import decrypt
from directory.tests.phone import code_to, newest
from invitations.links.actions import default_link, url_of
from invitations.models import Application

PHONE = "+8613900139001"


def join_path(enterprise) -> str:
    """`/j/<token>/` of the default link."""
    return path_of(url_of(default_link(enterprise)))


def path_of(url: str) -> str:
    """Return the URL in the console."""
    return "/" + url.split("/", 3)[3]


def decision_path(phone: str) -> str:
    """`/a/<token>/` in the newest decision sent to this number."""
    return "/" + decrypt(newest(phone, "decision").encrypted)["link"].split("/", 3)[3]


def new_phone() -> Client:
    return Client(headers={"accept-language": "en"})


def prove(client: Client, path: str, phone: str = PHONE):
    """Open the link, request a code, enter it."""
    assert client.get(path).status_code == 303
    assert client.post("/j/send/", {"phone": phone}).status_code == 303
    return client.post("/j/code/", {"code": code_to(phone)})


def apply(enterprise, name: str = "张伟", prefix: str = "zhangwei", phone: str = PHONE, path: str = "") -> Client:
    """Apply; return the phone's client."""
    client = new_phone()
    prove(client, path or join_path(enterprise), phone)
    answer = client.post("/j/apply/", {"name": name, "prefix": prefix})
    assert answer.status_code == 303, answer.content.decode()
    return client


def application_of(phone: str = PHONE) -> Application:
    return Application.objects.filter(phone=phone).latest("pk")
