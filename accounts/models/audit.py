"""The audit log: one chain of events per enterprise, and how far it was verified."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q

from accounts.models.enterprise import Enterprise
from core.leased_jobs import LeasedJob


class AuditChain(models.Model):
    """Where an enterprise's chain ends. Its row is the lock every recorded change takes first, so that no two
    changes of an enterprise interleave and a cut tail shows."""

    enterprise = models.OneToOneField(Enterprise, on_delete=models.CASCADE, related_name="audit_chain")
    length = models.PositiveBigIntegerField(default=0)
    head = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.length} events"


class AuditEvent(models.Model):
    """One change: who, what, before and after, when, from where. Append-only; see accounts.audit.recording.

    `personal` ({"salt", "actor", "target", "before", "after"}) is the one erasable column; the chain covers
    `personal_digest`. There is no key of its own beside the number, for it would be a column the chain can't cover.
    """

    pk = models.CompositePrimaryKey("enterprise_id", "number")
    enterprise = models.ForeignKey(Enterprise, on_delete=models.PROTECT, related_name="audit_events")
    number = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    actor_user_id = models.BigIntegerField(null=True)
    role = models.CharField(max_length=16, blank=True)
    via = models.CharField(max_length=16)
    ip = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=200, blank=True)
    request_id = models.CharField(max_length=36, blank=True)
    action = models.CharField(max_length=40)
    target_type = models.CharField(max_length=40)
    target_id = models.CharField(max_length=40)
    personal: models.JSONField[Any, Any] = models.JSONField(null=True)
    personal_digest = models.CharField(max_length=64)
    previous = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(digest=F("previous")), name="audit_event_digest_moves_on"),
        ]
        # One for each thing the list is narrowed by, in its order; names have theirs in 0006_audit_page.
        indexes = [
            models.Index(fields=["enterprise", "action", "number"], name="audit_event_by_action"),
            models.Index(fields=["enterprise", "actor_user_id", "number"], name="audit_event_by_actor"),
            models.Index(fields=["enterprise", "target_id", "number"], name="audit_event_by_target"),
            models.Index(fields=["enterprise", "target_type", "number"], name="audit_event_by_target_type"),
            models.Index(fields=["enterprise", "via", "number"], name="audit_event_by_via"),
            models.Index(fields=["enterprise", "at", "number"], name="audit_event_by_time"),
            models.Index(fields=["enterprise", "request_id"], name="audit_event_by_request"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.action}"


class AuditCheck(LeasedJob):
    """How far an enterprise's chain has been followed, and what was found: from the first event where a person asks and
    every AUDIT_WHOLE_CHECK_DAYS, else each hour from where the last check ended.

    `number` and `head` are where the check stands, `length` where the chain ended when it began. `proven_…` is the end
    of the last check that found nothing: a log cut back together with its AuditChain row is shorter than that.
    `whole_at`: when one last began at the first event.
    """

    enterprise = models.OneToOneField(Enterprise, on_delete=models.CASCADE, related_name="audit_check")
    length = models.PositiveBigIntegerField(default=0)
    number = models.PositiveBigIntegerField(default=0)
    head = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField()
    whole_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    broken_number = models.PositiveBigIntegerField(null=True)
    why = models.CharField(max_length=100, blank=True)
    proven_number = models.PositiveBigIntegerField(default=0)
    proven_head = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.number} of {self.length} events"

    @property
    def state(self) -> str:
        if self.finished_at is None:
            return "running"
        return "whole" if self.broken_number is None else "broken"
