"""The states of an import: who may move it, under the enterprise's lock."""

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
    """What has been applied stays; the rest is not reached. Waits for the chunk that is under way."""
    with lock_import(imported, by, State.CHECKING, State.READY, State.APPLYING) as (locked, record):
        locked.state, locked.reason, locked.finished_at = State.CANCELLED, reason[:500], timezone.now()
        # Whoever works on it stops; should that worker be dead, the next import needn't wait for it.
        locked.lease, locked.lease_until = "", None
        count_what_was_done(locked)
        locked.save()
        record("import_cancelled", locked, after=counts_of_import(locked))


def actor_of(imported: Import) -> Actor:
    """The author, as the worker acts for them."""
    return Actor(user=imported.author, name=imported.author_name, via="task")


def members_of_import(imported: Import) -> Any:
    """Those it created who are still in the directory."""
    return Member.objects.present().filter(pk__in=imported.created_member_ids())


def count_what_was_done(locked: Import) -> None:
    """Rows that were read and not reached are neither."""
    recount(locked)
    locked.read = max(
        locked.read, locked.created + locked.updated + locked.unchanged + locked.refused + locked.left_out
    )


@contextmanager
def lock_import(imported: Import, by: Actor, *states: str) -> Iterator[tuple[Import, Record]]:
    """The import under the enterprise's lock, if it is in one of these states; else raises ValidationError."""
    with recording(imported.enterprise, by=by) as record:
        locked = Import.objects.select_for_update().get(pk=imported.pk)
        if locked.state not in states:
            raise ValidationError(_("The import has moved on meanwhile."), code="moved_on")
        yield locked, record


def counts_of_import(imported: Import) -> dict[str, int]:
    names = ("read", "created", "updated", "unchanged", "refused", "left_out", "not_reached")
    return {name: getattr(imported, name) for name in names}
