"""Who works on an import: one worker at a time, and for an enterprise one import at a time."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from core.locks import hold
from directory.models import Import

State = Import.State
WORK = Q(state__in=[State.CHECKING, State.APPLYING]) | ~Q(follow_up="")


class LeaseLost(Exception):
    """Another worker took over, believing this one dead: it must write nothing more."""


@dataclass(frozen=True)
class Lease:
    """The right to work on one import, as long as it is kept up."""

    id: int
    token: str

    def keep(self) -> None:
        """For another while. Raises LeaseLost."""
        if not Import.objects.filter(pk=self.id, lease=self.token).update(lease_until=_until()):
            raise LeaseLost

    def hold(self) -> Import:
        """The import as it is now, locked until the end of the transaction. Raises LeaseLost."""
        self.keep()
        return Import.objects.select_for_update().get(pk=self.id)

    def release(self) -> None:
        Import.objects.filter(pk=self.id, lease=self.token).update(lease="", lease_until=None)


def claim_import(id: int | None = None) -> Lease | None:
    """The import named, else the oldest that waits; None if another worker has it or there is nothing to do."""
    waiting = Import.objects.filter(WORK, _is_free()).order_by("pk")
    for pk, enterprise in (waiting.filter(pk=id) if id else waiting).values_list("pk", "enterprise"):
        lease = Lease(pk, uuid.uuid4().hex)
        with transaction.atomic():
            hold(f"imports of {enterprise}")
            if _is_busy(enterprise, pk):
                continue
            if waiting.filter(pk=pk).order_by().update(lease=lease.token, lease_until=_until()):
                return lease
    return None


def _is_busy(enterprise: int, but: int) -> bool:
    others: QuerySet[Import] = Import.objects.filter(enterprise=enterprise, lease_until__gt=timezone.now())
    return others.exclude(pk=but).exclude(state=State.CHECKING).exists()


def _is_free() -> Q:
    return Q(lease_until=None) | Q(lease_until__lt=timezone.now())


def _until() -> object:
    return timezone.now() + timedelta(seconds=settings.IMPORT_LEASE_SECONDS)
