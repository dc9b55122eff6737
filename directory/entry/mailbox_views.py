"""The member's own page."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from directory.entry.decorators import MemberRequest, member_page
from directory.entry.entry import role_of, session_access
from directory.models import Address
from sms.phones import show_phone


@member_page
@require_safe
def mailbox(request: MemberRequest) -> HttpResponse:
    """Show the address, the link to the mailbox, and the settings for a mail program."""
    member = request.member
    addresses = list(member.addresses.select_related("domain").order_by("domain__name", "local"))
    primary = next(address for address in addresses if address.purpose == Address.Purpose.PRIMARY)
    available = session_access(request)
    context = {
        "member": member,
        "enterprise": request.enterprise,
        "address": primary,
        "domain": primary.domain,
        "aliases": [address for address in addresses if address.purpose == Address.Purpose.ALIAS],
        "departments": list(member.departments.order_by("path").values_list("name", flat=True)),
        "phone": show_phone(member.phone),
        "role": role_of(request),
        "has_choice": len(available.enterprises) + len(available.joinable) > 1,
    }
    return render(request, "directory/mailbox.html", context)
