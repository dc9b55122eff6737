"""Changes of an import's state, under the enterprise's lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, Record, recording
from directory.imports.apply import recount
from directory.models import Import, ImportRow, Member

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
    """Return the author as the actor of the worker's events."""
    return Actor(user=imported.author, name=imported.author_name, via="task")


def members_of_import(imported: Import) -> Any:
    """Return the members it created who are still in the directory."""
    return Member.objects.present().filter(pk__in=imported.created_member_ids())


def count_outcomes(locked: Import) -> None:
    """Count the outcomes of an import that ends early; `read` includes rows that were not reached."""
    recount(locked)
    locked.read = max(
        locked.read, locked.created + locked.updated + locked.unchanged + locked.refused + locked.left_out
    )


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
