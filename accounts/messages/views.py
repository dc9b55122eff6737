"""The SMS that the enterprise sent, and their outcomes."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.access import console_page
from accounts.messages.forms import MessageFilterForm
from accounts.messages.list import MessageQuery
from accounts.messages.outcomes import confirm_arrival
from accounts.permissions import Permission, may
from accounts.requests import ConsoleRequest
from core.pagination import OrderedRows, read_page
from core.responses import post_only, see_other
from sms.models import Message
from sms.phones import mask_phone, show_phone


@console_page(Permission.READ_MESSAGES)
@require_safe
def message_list(request: ConsoleRequest) -> HttpResponse:
    sees_phones = may(request.role, Permission.SEE_PHONES)
    query = MessageQuery(request.GET, request.enterprise, sees_phones=sees_phones)
    page = read_page(OrderedRows(query.matching()), query, count_text=query.count_text())
    shown = show_phone if sees_phones else mask_phone
    context = {
        "query": query,
        "form": MessageFilterForm(query.fields),
        "page": page,
        "rows": [(message, shown(message.to), _invited_member(message)) for message in page.rows],
        "may_decide": may(request.role, Permission.MANAGE_SETTINGS),
    }
    return render(request, "accounts/message_list.html", context)


@console_page(Permission.MANAGE_SETTINGS)
@post_only("accounts:message_list")
def message_confirm(request: ConsoleRequest, id: int) -> HttpResponse:
    """Mark a message of unknown outcome as sent, because its recipient has it."""
    message = get_object_or_404(Message.objects.select_related("enterprise"), pk=id, enterprise=request.enterprise)
    if confirm_arrival(message, by=request.actor):
        messages.success(request, _("The SMS is now marked as sent."))
    else:
        messages.info(request, _("The result of this SMS is already known."))
    return see_other("accounts:message_list")


def _invited_member(message: Message) -> str:
    """Return the id of the member whom an invitation is for, "" for other messages: their page can send another."""
    noun, _colon, id = message.subject.partition(":")
    return id if noun == "member" and message.kind == Message.Kind.INVITATION else ""
