"""What the enterprise sent by SMS, and what became of it."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import console_page
from accounts.messages.forms import MessageFilterForm
from accounts.messages.list import PAGE_SIZE, count_text, find_messages
from accounts.messages.outcomes import confirm_arrival
from accounts.permissions import Permission, may
from accounts.requests import ConsoleRequest
from core.pagination import Pages, read_page
from core.responses import see_other
from sms.models import Message
from sms.phones import mask_phone, show_phone

VISIBLE_DIGITS = 4


@console_page(Permission.READ_MESSAGES)
@require_safe
def message_list(request: ConsoleRequest) -> HttpResponse:
    form = MessageFilterForm(request.GET)
    form.is_valid()
    tail = request.GET.get("q", "").strip()
    sees_phones = may(request.role, Permission.SEE_PHONES)
    found = find_messages(
        request.enterprise,
        state=form.cleaned_data.get("state", ""),
        kind=form.cleaned_data.get("kind", ""),
        tail=tail,
        # Who sees phones masked may not find out the masked digits by searching for them.
        longest_tail=15 if sees_phones else VISIBLE_DIGITS,
    )
    query = {"q": tail, **form.cleaned_data}
    kept = {name: value for name, value in query.items() if value}
    page = read_page(found, request.GET, url=lambda **key: f"?{urlencode({**kept, **key})}", size=PAGE_SIZE)
    shown = show_phone if sees_phones else mask_phone
    rows = [(message, shown(message.to), _member_of(message)) for message in page.rows]
    pages = Pages(count_text(found), page.previous_url, page.next_url)
    context = {"form": form, "q": tail, "page": pages, "rows": rows, "is_filtered": bool(kept)}
    context["may_decide"] = may(request.role, Permission.MANAGE_SETTINGS)
    return render(request, "accounts/message_list.html", context)


@console_page(Permission.MANAGE_SETTINGS)
@require_POST
def message_confirm(request: ConsoleRequest, id: int) -> HttpResponse:
    """Somebody asked the recipient: it arrived."""
    message = get_object_or_404(Message.objects.select_related("enterprise"), pk=id, enterprise=request.enterprise)
    if confirm_arrival(message, by=request.actor):
        messages.success(request, _("The message counts as sent."))
    else:
        messages.info(request, _("What became of this message is known by now."))
    return see_other("accounts:message_list")


def _member_of(message: Message) -> str:
    """The id of the member whom an invitation is about: from their page another can be sent."""
    noun, _colon, id = message.subject.partition(":")
    return id if noun == "member" and message.kind == Message.Kind.INVITATION else ""
