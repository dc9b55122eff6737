"""Changes of an import's state, under the enterprise's lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, Record, recording
from accounts.models import Role
from directory.access import members_of
from directory.models import Import, ImportRow, Member, MemberQuerySet

State = Import.State
Verdict = ImportRow.Verdict


def cancel_import(imported: Import, *, by: Actor, reason: str = "") -> None:
    """Stop an import; what was applied stays. Waits for the chunk that is being applied."""
    with lock_import(imported, by, State.CHECKING, State.READY, State.APPLYING) as (locked, record):
        locked.state, locked.reason, locked.finished_at = State.CANCELLED, reason[:500], timezone.now()
        # The worker stops; if it is dead, the next import need not wait for its lease.
        locked.lease, locked.lease_until = "", None
        count_outcomes(locked)
        locked.save()
        record("import_cancelled", locked, after=counts_of_import(locked))


def actor_of(imported: Import) -> Actor:
    """Return the person who pressed the latest button, as the actor of the worker's events."""
    return Actor(user=imported.actor, name=imported.actor_name, via="task")


def assign_actor(locked: Import, by: Actor) -> None:
    """Let the worker act for `by` from now on. The caller saves the import."""
    locked.actor, locked.actor_name = by.user, by.name[:64]


def members_to_invite(imported: Import, role: Role) -> MemberQuerySet:
    """Return the members it created, within the role's reach, who have neither been invited nor joined."""
    created = members_of(role).filter(pk__in=imported.created_member_ids())
    return created.filter(status=Member.Status.PENDING, invited_at=None)


def recount(imported: Import) -> None:
    """Set the counts from the rows of an import that is no longer only planned."""
    counts = Counter(dict(imported.rows.values_list("verdict").annotate(Count("pk"))))
    imported.created, imported.updated = counts[Verdict.CREATED], counts[Verdict.UPDATED]
    imported.unchanged, imported.refused = counts[Verdict.UNCHANGED], counts[Verdict.REFUSED]
    imported.left_out = counts[Verdict.LEFT_OUT]


def count_outcomes(locked: Import) -> None:
    """Count the outcomes of an import that ends early; `read` includes rows that were not reached."""
    recount(locked)
    locked.read = max(locked.read, locked.accounted)


@contextmanager
def lock_import(imported: Import, by: Actor, *states: str) -> Iterator[tuple[Import, Record]]:
    """Yield the locked import in its enterprise's `recording`. Raises ValidationError if it is in no such state."""
    with recording(imported.enterprise, by=by) as record:
        locked = Import.objects.select_for_update().get(pk=imported.pk)
        if locked.state not in states:
            raise ValidationError(_("The import's status has changed in the meantime."), code="moved_on")
        yield locked, record


def counts_of_import(imported: Import) -> dict[str, int]:
    names = ("read", "created", "updated", "unchanged", "refused", "left_out", "not_reached")
    return {name: getattr(imported, name) for name in names}
