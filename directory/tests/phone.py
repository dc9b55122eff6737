"""A phone in the tests' hand: what the outbox would send it, opened."""

from core.encryption import decrypt
from sms.models import Message


def newest(to: str, kind: str) -> Message:
    return Message.objects.filter(to=str(to), kind=kind).latest("id")


def link_to(phone: str) -> str:
    """The path of the newest personal link sent to this number."""
    link = decrypt(newest(phone, "invitation").encrypted)["link"]
    return "/" + link.split("/", 3)[3]


def code_to(phone: str) -> str:
    """The newest code sent to this number."""
    return decrypt(newest(phone, "code").encrypted)["code"]
