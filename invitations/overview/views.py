"""The overview."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import console_page
from accounts.permissions import Permission, may
from accounts.requests import ConsoleRequest
from directory.access import members_of
from invitations.overview.first_steps import first_steps
from invitations.overview.funnel import funnel_of, recently_joined
from invitations.overview.todos import todos_of


@console_page(Permission.READ)
@require_safe
def overview(request: ConsoleRequest) -> HttpResponse:
    """Show what waits, and how many have joined; the first steps while there are no members."""
    members = members_of(request.role)
    funnel = funnel_of(members)
    steps, todos = [] if funnel.total else first_steps(request.role), todos_of(request.role, funnel)
    context = {
        "funnel": funnel,
        # The first step is the same.
        "todos": [shown for shown in todos if not steps or shown.todo.name != "webmail"],
        "steps": steps,
        "recently_joined": recently_joined(members),
        "may_manage_members": may(request.role, Permission.MANAGE_MEMBERS),
    }
    return render(request, "invitations/overview.html", context)
