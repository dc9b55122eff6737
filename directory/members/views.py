"""Pages of members: the list, one member, and the actions on one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import ask_again, console_page, fresh_action
from accounts.permissions import Permission, may
from accounts.requests import ConsoleRequest
from core.responses import post_only, see_other, unprocessable
from directory.access import bulk_actions_of, find_one, get_member, get_member_anywhere, is_scoped, members_of, read_ids
from directory.departments.tree import branches_of, paths_of
from directory.joining.activation_codes import CodeNotIssued, active_code, issue_code, may_have_code
from directory.joining.invitations import PURPOSE, InvitationNotSent, invite_member, may_join, subject_of
from directory.members.actions import disable_member, enable_member
from directory.members.forms import MemberEditForm, MemberNewForm
from directory.members.list import IN_BIN, MemberQuery, rows_of
from directory.members.one_time_codes import remember_issued_code, take_issued_code
from directory.members.recycle_bin import administrators_among
from directory.models import Address, BulkAction, Invitation, Member
from sms.models import Message
from sms.phones import mask_phone, show_phone

# Running bulk actions shown above the list; all are on their own page.
RUNNING_MAX = 3


@console_page(Permission.READ)
@require_safe
def member_list(request: ConsoleRequest) -> HttpResponse:
    """Show departments beside the members of one, or search results; htmx gets the table alone."""
    query = MemberQuery(request.GET, request.role, with_bin=True)
    rows, pages = rows_of(query)
    context: dict[str, Any] = {
        "query": query,
        "rows": rows,
        "pages": pages,
        "statuses": [*Member.Status.choices, (IN_BIN, _("In recycle bin"))],
        "may_manage": may(request.role, Permission.MANAGE_MEMBERS),
        "may_invite": may(request.role, Permission.SEND_INVITATIONS) and not query.is_bin,
        "may_export": may(request.role, Permission.SEE_PHONES),
        "bin_days": settings.MEMBER_BIN_DAYS,
    }
    if getattr(request, "htmx", None) and not request.htmx.history_restore_request:  # type: ignore[attr-defined]
        return render(request, "directory/_member_table.html", context)
    context["running"] = (
        bulk_actions_of(request.role).filter(state=BulkAction.State.WORKING).order_by("pk")[:RUNNING_MAX]
    )
    context["branches"] = branches_of(request.role, query.department)
    context["may_manage_departments"] = may(request.role, Permission.MANAGE_DEPARTMENTS)
    return render(request, "directory/member_list.html", context)


@console_page(Permission.MANAGE_MEMBERS)
@require_http_methods(["GET", "HEAD", "POST"])
def member_new(request: ConsoleRequest) -> HttpResponse:
    typed = request.POST if request.method == "POST" else None
    form = MemberNewForm(typed, enterprise=request.enterprise, role=request.role, initial=_initial_from_url(request))
    if typed is None:
        return render(request, "directory/member_new.html", {"form": form, "issued_code": take_issued_code(request)})
    member = form.create(by=request.actor) if form.is_valid() else None
    if member is None:
        return unprocessable(request, "directory/member_new.html", {"form": form})
    if member.activation == Member.Activation.CODE:
        _issue_code(request, member, is_invited=form.cleaned_data["send_invitation"])
    elif form.cleaned_data["send_invitation"]:
        _invite(request, member)
    else:
        messages.success(request, _("%(name)s was added to the directory.") % {"name": member.name})
    if "save_and_add" in request.POST:
        kept = {"department": form.cleaned_data["departments"], "domain": form.cleaned_data["domain"]}
        return see_other(f"{reverse('directory:member_new')}?{urlencode(kept, doseq=True)}")
    return see_other("directory:member_detail", id=member.pk)


@console_page(Permission.READ)
@require_safe
def member_detail(request: ConsoleRequest, id: int) -> HttpResponse:
    member = get_member_anywhere(request, id)
    addresses = list(member.addresses.select_related("domain").order_by("pk"))
    sees_phones = may(request.role, Permission.SEE_PHONES)
    paths = paths_of(member.departments.all())
    context = {
        "member": member,
        "address": next((one for one in addresses if one.purpose == Address.Purpose.PRIMARY), None),
        "aliases": [one for one in addresses if one.purpose == Address.Purpose.ALIAS],
        "phone": show_phone(member.phone) if sees_phones else mask_phone(member.phone),
        "main_path": paths.pop(member.main_department_id, ""),
        "other_paths": list(paths.values()),
        "invitations": _invitations_of(member),
        "inviter": find_one(members_of(request.role), str(member.origin.get("inviter", ""))),
        "may_manage": may(request.role, Permission.MANAGE_MEMBERS),
        "may_erase": may(request.role, Permission.MANAGE_MEMBERS) and not is_scoped(request.role),
        "may_read_audit": may(request.role, Permission.READ_AUDIT),
        "may_invite": may(request.role, Permission.SEND_INVITATIONS) and _may_be_invited(member),
        "may_issue_code": may_have_code(members_of(request.role).filter(pk=member.pk)).exists(),
        "code": active_code(member),
        "issued_code": take_issued_code(request, member),
        "is_administrator": administrators_among(members_of(request.role).filter(pk=member.pk)).exists(),
        "bin_days": settings.MEMBER_BIN_DAYS,
    }
    return render(request, "directory/member_detail.html", context)


@console_page(Permission.MANAGE_MEMBERS)
@require_http_methods(["GET", "HEAD", "POST"])
def member_edit(request: ConsoleRequest, id: int) -> HttpResponse:
    member = get_member(request, id)
    typed = request.POST if request.method == "POST" else None
    form = MemberEditForm(typed, enterprise=request.enterprise, role=request.role, member=member)
    context = {"form": form, "member": member}
    if typed is None:
        return render(request, "directory/member_edit.html", context)
    if not form.is_valid():
        return unprocessable(request, "directory/member_edit.html", context)
    needs_code = form.cleaned_data["activation"] == Member.Activation.CODE != member.activation
    hands_over = member.status == Member.Status.ACTIVE and form.gives_another_phone()
    # The new code, or the owner of the new number, enters as the member, as in `member_code`.
    if (needs_code or hands_over) and (page := ask_again(request)):
        return page
    if not form.edit(by=request.actor):
        return unprocessable(request, "directory/member_edit.html", context)
    messages.success(request, _("Saved."))
    if needs_code:
        _issue_code(request, member)
    return see_other("directory:member_detail", id=member.pk)


@console_page(Permission.SEND_INVITATIONS)
@post_only("directory:member_detail")
def member_invite(request: ConsoleRequest, id: int) -> HttpResponse:
    member = get_member(request, id)
    _invite(request, member)
    return see_other("directory:member_detail", id=member.pk)


@console_page(Permission.MANAGE_MEMBERS)
@fresh_action
@post_only("directory:member_detail")
def member_code(request: ConsoleRequest, id: int) -> HttpResponse:
    """Issue a new activation code, which replaces the previous one."""
    member = get_member(request, id)
    _issue_code(request, member)
    return see_other("directory:member_detail", id=member.pk)


@console_page(Permission.MANAGE_MEMBERS)
@post_only("directory:member_detail")
def member_disable(request: ConsoleRequest, id: int) -> HttpResponse:
    member = disable_member(get_member(request, id), by=request.actor)
    messages.success(request, _("%(name)s was disabled and signed out.") % {"name": member.name})
    return see_other("directory:member_detail", id=member.pk)


@console_page(Permission.MANAGE_MEMBERS)
@post_only("directory:member_detail")
def member_enable(request: ConsoleRequest, id: int) -> HttpResponse:
    member = enable_member(get_member(request, id), by=request.actor)
    messages.success(request, _("%(name)s was enabled.") % {"name": member.name})
    return see_other("directory:member_detail", id=member.pk)


def _invite(request: ConsoleRequest, member: Member) -> None:
    try:
        invite_member(member, by=request.actor)
    except InvitationNotSent as refusal:
        messages.warning(request, refusal.messages[0])
    else:
        messages.success(request, _("Sending the invitation to %(name)s.") % {"name": member.name})


def _issue_code(request: ConsoleRequest, member: Member, *, is_invited: bool = False) -> None:
    """Issue a code and hand it to the next page; `is_invited` says that a message was asked for, which is not sent."""
    try:
        remember_issued_code(request, member, issue_code(member, by=request.actor))
    except CodeNotIssued as refusal:
        messages.warning(request, str(refusal))
        return
    if is_invited:
        messages.info(request, _("No SMS was sent. %(name)s joins with the code.") % {"name": member.name})


def _may_be_invited(member: Member) -> bool:
    waits_for_code = member.activation == Member.Activation.CODE and member.status == Member.Status.PENDING
    return may_join(member) and not waits_for_code and not member.deleted_at


def _initial_from_url(request: HttpRequest) -> dict[str, Any]:
    """Return the domain and departments in the URL, set by a list or the previous form."""
    ids = read_ids(request.GET.getlist("department"))
    initial: dict[str, Any] = {"departments": ids} if ids else {}
    return initial | ({"domain": request.GET["domain"]} if request.GET.get("domain") else {})


def _invitations_of(member: Member) -> list[tuple[Invitation, Message | None]]:
    """Return invitations, the newest first, with the messages of the same numbers that carried them."""
    sent = Message.objects.filter(purpose=PURPOSE, subject=subject_of(member))
    by_number = {message.logical_no: message for message in sent}
    invitations = member.invitations.select_related("sent_by").order_by(F("number").desc())
    return [(invitation, by_number.get(invitation.number)) for invitation in invitations]
