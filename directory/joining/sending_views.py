"""The steps that every sending to many shares: show the plan, have it confirmed, send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from accounts.requests import ConsoleRequest
from core.responses import unprocessable
from directory.joining.invitations import NumberChanged
from directory.joining.plan import SendingForm, plan_invitations
from directory.joining.recipients import Rules
from directory.models import Member


def confirm_sending(
    request: ConsoleRequest,
    template: str,
    context: dict[str, Any],
    members: QuerySet[Member],
    *,
    send: Callable[[Rules, int], HttpResponse],
    queued: QuerySet[Any, int] | None = None,
    is_shown: bool = False,
) -> HttpResponse:
    """Call `send` with the rules and the number of messages once a page that showed this number was confirmed.

    One message needs no confirmation. `send` may raise NumberChanged. `is_shown`: the page with the form shows a plan
    from the start, so that a POST without the number is refused. The template gets `plan` and `sending`, the form.
    """
    rules = read_rules(request, queued)
    plan = plan_invitations(request.enterprise, members, rules)
    form = SendingForm(request.POST, plan=plan)
    if plan.needs_confirmation and not form.is_asked and not is_shown:
        return render(request, template, context | {"plan": plan, "sending": SendingForm(plan=plan)})
    needs_form = form.is_asked or (is_shown and plan.messages != 1)
    if not needs_form or form.is_valid():
        try:
            return send(rules, plan.messages)
        except NumberChanged:
            form = SendingForm(request.POST, plan=plan_invitations(request.enterprise, members, rules))
            form.refuse_number()
    return unprocessable(request, template, context | {"plan": form.plan, "sending": form, "form": form})


def read_rules(request: ConsoleRequest, queued: QuerySet[Any, int] | None = None) -> Rules:
    """Return the rules of a sending to many that the form asks for."""
    return Rules(is_bulk=True, includes_recent=bool(request.POST.get("include_recent")), queued=queued)
