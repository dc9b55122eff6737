"""Record what people change about themselves in the audit log of each of their enterprises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

from django.db import transaction
from django.db.models import Q

from accounts.audit.recording import Actor, recording
from accounts.models import Enterprise, User

Values = Mapping[str, Any]


class PersonRecord(Protocol):
    def __call__(self, action: str, *, before: Values | None = None, after: Values | None = None) -> None: ...


@contextmanager
def recording_person(user: User, *, by: Actor, enterprise: Enterprise | None = None) -> Iterator[PersonRecord]:
    """Do as `recording` in each enterprise where `user` has a role, and in `enterprise`.

    Without any enterprise nothing is recorded, but the transaction is opened. Lock the chains in key order.
    """
    concerned = Enterprise.objects.filter(Q(roles__user=user) | Q(pk=enterprise.pk if enterprise else None))
    with ExitStack() as stack:
        stack.enter_context(transaction.atomic())
        records = [stack.enter_context(recording(each, by=by)) for each in concerned.distinct().order_by("pk")]

        def record(action: str, *, before: Values | None = None, after: Values | None = None) -> None:
            for each in records:
                each(action, user, before, after)

        yield record
