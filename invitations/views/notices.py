"""Notices: choose members, see how many messages that is, send, and see what became of each."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import Permission, console_page
from accounts.answers import refused, see_other
from accounts.requests import ConsoleRequest
from directory.access import departments_of, is_scoped, members_of, read_ids
from directory.department_tree import paths_of
from directory.member_rows import MemberQuery, rows_of
from directory.models import Member
from directory.personal_invitations import PURPOSE, subject_of
from invitations.models import Notice
from invitations.notices import counts_of, open_notice, preview_of, settled
from sms.models import Message

CONFIRM_ABOVE = 500
PAGE_SIZE = 50
NEW = "invitations/notice_new.html"


@console_page(Permission.SEND_INVITATIONS)
@require_http_methods(["GET", "HEAD", "POST"])
def notice_new(request: ConsoleRequest) -> HttpResponse:
    """Those ticked, else all that match if that is ticked."""
    asked = (request.POST if request.method == "POST" else request.GET).copy()
    asked.setdefault("status", Member.Status.PENDING)
    query = MemberQuery(asked, request.role)
    context = _new_context(request, query)
    if request.method != "POST":
        return render(request, NEW, context)
    chosen = _chosen(request, query)
    if chosen is None:
        return refused(request, NEW, context | {"refusal": _("Tick members, or all that match.")})
    preview = preview_of(chosen)
    if not preview.messages:
        return refused(request, NEW, context | {"refusal": _("Nobody of these can be sent an invitation now.")})
    if preview.messages > CONFIRM_ABOVE and not request.POST.get("confirmed"):
        return refused(request, NEW, context | {"asks": preview.messages})
    notice = open_notice(request.enterprise, chosen, by=request.actor)
    return see_other("invitations:notice_detail", id=notice.pk)


@console_page(Permission.SEND_INVITATIONS)
@require_safe
def notice_list(request: ConsoleRequest) -> HttpResponse:
    before = read_ids([request.GET.get("before", "")])
    notices = _notices(request).order_by("-pk")
    shown = list((notices.filter(pk__lt=before[0]) if before else notices)[: PAGE_SIZE + 1])
    older = f"?{urlencode({'before': shown[PAGE_SIZE - 1].pk})}" if len(shown) > PAGE_SIZE else ""
    rows = [(notice, counts_of(notice)) for notice in shown[:PAGE_SIZE]]
    return render(request, "invitations/notice_list.html", {"rows": rows, "pages": {"next_url": older}})


@console_page(Permission.SEND_INVITATIONS)
@require_safe
def notice_detail(request: ConsoleRequest, id: int) -> HttpResponse:
    notice = get_object_or_404(_notices(request), pk=id)
    after = read_ids([request.GET.get("after", "")])
    recipients = notice.recipients.select_related("member", "invitation").order_by("pk")
    shown = list((recipients.filter(pk__gt=after[0]) if after else recipients)[: PAGE_SIZE + 1])
    page = shown[:PAGE_SIZE]
    carried = Message.objects.filter(purpose=PURPOSE, subject__in=[subject_of(one.member) for one in page])
    messages = {(message.subject, message.logical_no): message for message in carried}
    counts = counts_of(notice)
    context = {
        "notice": notice,
        "counts": counts,
        "settled": settled(counts),
        "rows": [
            (one, messages.get((subject_of(one.member), one.invitation.number)) if one.invitation else None)
            for one in page
        ],
        "pages": {"next_url": f"?{urlencode({'after': page[-1].pk})}" if len(shown) > PAGE_SIZE else ""},
    }
    return render(request, "invitations/notice_detail.html", context)


def _notices(request: ConsoleRequest) -> QuerySet[Notice]:
    """A department administrator sees their own."""
    notices = Notice.objects.filter(enterprise=request.enterprise)
    return notices.filter(author=request.user) if is_scoped(request.role) else notices


def _chosen(request: ConsoleRequest, query: MemberQuery) -> QuerySet[Member] | None:
    if ids := read_ids(request.POST.getlist("members")):
        return members_of(request.role).filter(pk__in=ids[:CONFIRM_ABOVE])
    return query.matching() if request.POST.get("all_matching") else None


def _new_context(request: ConsoleRequest, query: MemberQuery) -> dict[str, Any]:
    rows, pages = rows_of(query)
    return {
        "query": query,
        "rows": rows,
        "pages": pages,
        "preview": preview_of(query.matching()),
        "statuses": Member.Status.choices,
        "departments": list(paths_of(departments_of(request.role)).items()),
    }
