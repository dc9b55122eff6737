"""A phone in the tests' hand: what the outbox would send it, opened."""

from sms.models import Message
from sms.seal import unseal


def newest(to: str, kind: str) -> Message:
    return Message.objects.filter(to=str(to), kind=kind).latest("id")


def link_to(phone: str) -> str:
    """The path of the newest personal link sent to this number."""
    link = unseal(newest(phone, "invitation").sealed)["link"]
    return "/" + link.split("/", 3)[3]


def code_to(phone: str) -> str:
    """The newest code sent to this number."""
    return unseal(newest(phone, "code").sealed)["code"]
