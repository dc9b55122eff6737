"""What the enterprise sent by SMS, and what became of it."""

from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import Permission, console_page, may
from accounts.forms import MessageFilterForm
from accounts.message_pages import PAGE_SIZE, count_text, find_messages
from accounts.paging import Pages, read_page
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
    kept = {name: value for name, value in query.items() if value}
    page = read_page(found, request.GET, url=lambda **key: f"?{urlencode({**kept, **key})}", size=PAGE_SIZE)
    shown = show_phone if sees_phones else mask_phone
    rows = [(message, shown(message.to)) for message in page.rows]
    pages = Pages(count_text(found), page.previous_url, page.next_url)
    context = {"form": form, "q": tail, "page": pages, "rows": rows, "is_filtered": bool(kept)}
    return render(request, "accounts/message_list.html", context)
