"""Recording what a person changes about themselves, wherever they have a say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

from django.db import transaction
from django.db.models import Q

from accounts.audit.recording import Actor, recording
from accounts.models import Enterprise, User


class PersonRecord(Protocol):
    def __call__(
        self, action: str, *, before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None
    ) -> None: ...


@contextmanager
def recording_person(user: User, *, by: Actor, enterprise: Enterprise | None = None) -> Iterator[PersonRecord]:
    """As `recording`, in the log of each enterprise where `user` has a role, and of `enterprise`.

    Who belongs to none yet has no log to speak to; the transaction is there all the same.
    """
    concerned = Enterprise.objects.filter(Q(roles__user=user) | Q(pk=enterprise.pk if enterprise else None))
    with ExitStack() as stack:
        stack.enter_context(transaction.atomic())
        # In one order, so that two who change something never wait for each other.
        records = [stack.enter_context(recording(each, by=by)) for each in concerned.distinct().order_by("pk")]

        def record(
            action: str, *, before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None
        ) -> None:
            for each in records:
                each(action, user, before, after)

        yield record
