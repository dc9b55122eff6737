"""The overview."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import console_page
from accounts.audit.verification_job import broken_check
from accounts.permissions import Permission, may
from accounts.requests import ConsoleRequest
from directory.access import members_of
from invitations.overview import funnel as figures
from sms.codes.alarms import current_alarms
from sms.outbox.breaker import unreachable_gateways
from sms.outbox.queue import gateway_of

ALARMS_MAX = 3


@console_page(Permission.READ)
@require_safe
def overview(request: ConsoleRequest) -> HttpResponse:
    members = members_of(request.role)
    may_manage = may(request.role, Permission.MANAGE_SETTINGS)
    may_read_messages = may(request.role, Permission.READ_MESSAGES)
    return render(
        request,
        "invitations/overview.html",
        {
            "funnel": figures.funnel_of(members),
            "recently_joined": figures.recently_joined(members),
            # Only what the reader may act on or look into.
            "failed_messages": figures.failed_messages(request.enterprise) if may_read_messages else 0,
            "domains_without_webmail": figures.domains_without_webmail(request.enterprise) if may_manage else [],
            "may_manage_members": may(request.role, Permission.MANAGE_MEMBERS),
            "recent_days": figures.RECENT_DAYS,
            "alarms": current_alarms(request.enterprise.pk)[:ALARMS_MAX] if may_manage else [],
            "sms_down_since": unreachable_gateways().get(gateway_of(request.enterprise)) if may_read_messages else None,
            "broken_audit": broken_check(request.enterprise) if may(request.role, Permission.READ_AUDIT) else None,
        },
    )
