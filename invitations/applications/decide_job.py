"""Decide on many applications in the background, one per transaction, so that others wait for one at most.

An item is marked in the transaction that decides on it, so that no application is decided twice, even if a worker is
killed or two run at once.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, override

from accounts.audit.recording import Actor, recording, task_actor
from accounts.models import Enterprise
from accounts.permissions import Permission, acting_role, may
from core.leased_jobs import JobQueue, Lease
from core.translatable import TranslatableText, messages_of
from invitations.access import applications_of
from invitations.applications.decide import approve_application, clean_reason, reject_application
from invitations.models import Application, Decision, DecisionItem

WORK = "invitations.tasks.work_on_decisions"
BROKEN = gettext_noop("Something went wrong. Review this join request separately.")
State = DecisionItem.State


def open_decision(
    enterprise: Enterprise, applications: QuerySet[Application], verdict: str, *, by: Actor, reason: str = ""
) -> Decision:
    """Create the decision with its items; a worker decides on each in the author's name, if the author still may."""
    with recording(enterprise, by=by) as record:
        decision = Decision.objects.create(
            enterprise=enterprise,
            author=by.user,
            author_name=by.name[:64],
            verdict=verdict,
            reason=clean_reason(reason),
        )
        ids = applications.order_by("pk").values_list("pk", flat=True)
        items = [DecisionItem(decision=decision, application_id=id) for id in ids.iterator(chunk_size=1000)]
        decision.total = len(DecisionItem.objects.bulk_create(items, batch_size=1000))
        decision.save(update_fields=["total"])
        record("decision_opened", decision, after={"verdict": verdict, "applications": decision.total})
        transaction.on_commit(QUEUE.wake)
    return decision


def work_on_decisions() -> None:
    """Work on each open decision in turn, until there is none."""
    QUEUE.work_on_all()


def _work(lease: Lease[Decision]) -> None:
    decision = lease.job()
    # Reasons are stored untranslated and rendered in the reader's language.
    with override(None):
        while _decide_next(decision, lease) and not lease.is_turn_over:
            pass


def _decide_next(decision: Decision, lease: Lease[Decision]) -> bool:
    """Decide on the next application; return False once none waits. Raises LeaseLost."""
    by = Actor(user=decision.author, name=decision.author_name, via="task")
    with recording(decision.enterprise, by=by):
        lease.renew()
        item = decision.items.filter(state=State.WAITING).order_by("pk").first()
        if item is None:
            lease.renew(state=Decision.State.DONE, finished_at=timezone.now())
            return False
        item.why = [one.serialize() for one in _decide(decision, item, by)]
        item.state = State.LEFT_OUT if item.why else State.DONE
        item.save(update_fields=["state", "why"])
    return True


def counts_of(decision: Decision) -> dict[str, int]:
    """Return the number of items per state."""
    counts = dict(decision.items.order_by().values_list("state").annotate(Count("pk")))
    return {state: counts.get(state, 0) for state in State.values}


def _decide(decision: Decision, item: DecisionItem, by: Actor) -> list[TranslatableText]:
    """Return why the item is skipped; an empty list if the application was decided."""
    role = acting_role(decision.author_id, decision.enterprise_id)
    if not role or not may(role, Permission.MANAGE_MEMBERS):
        return [
            TranslatableText(
                _("%(name)s no longer has permission to review join requests."), {"name": decision.author_name}
            )
        ]
    chosen = applications_of(role).select_related("enterprise", "domain", "department", "inviter", "address")
    application = chosen.filter(pk=item.application_id).first()
    if application is None:
        words = _("This join request is no longer in a department that %(name)s manages.")
        return [TranslatableText(words, {"name": decision.author_name})]
    try:
        if decision.verdict == Decision.Verdict.APPROVED:
            approve_application(application, by=by)
        else:
            reject_application(application, by=by, reason=decision.reason)
    except ValidationError as error:
        return messages_of(error)
    return []


def _give_up(lease: Lease[Decision]) -> None:
    """Skip the application that failed, so that the others are decided."""
    with recording(lease.job().enterprise, by=task_actor("upkeep")):
        decision = lease.lock()
        item = decision.items.filter(state=State.WAITING).order_by("pk").first()
        if item:
            item.why, item.state = [TranslatableText(BROKEN).serialize()], State.LEFT_OUT
            item.save(update_fields=["state", "why"])


QUEUE: JobQueue[Decision] = JobQueue(
    Decision, waits=Q(state=Decision.State.WORKING), task=WORK, work=_work, give_up=_give_up
)
