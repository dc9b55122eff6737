"""What the enterprise sent by SMS, and what became of it."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import Permission, console_page, may
from accounts.forms import MessageFilterForm
from accounts.message_pages import find_messages, read_page
from accounts.requests import ConsoleRequest
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
    page = read_page(found, before=request.GET.get("before", ""), after=request.GET.get("after", ""), query=query)
    shown = show_phone if sees_phones else mask_phone
    rows = [(message, shown(message.to)) for message in page.messages]
    context = {"form": form, "q": tail, "page": page, "rows": rows, "is_filtered": any(query.values())}
    return render(request, "accounts/message_list.html", context)
