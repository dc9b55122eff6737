"""The audit log: one chain of events per enterprise, and its verification."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q

from accounts.models.enterprise import Enterprise
from core.leased_jobs import LeasedJob


class AuditChain(models.Model):
    """The end of an enterprise's chain, which reveals a truncated log (accounts.audit.chain).

    Each recorded change locks this row first, so that the changes of an enterprise are serialised. `mac` signs the row.
    If the log was extended from an end whose `mac` was wrong, `earlier_end` keeps that row's values.
    """

    enterprise = models.OneToOneField(Enterprise, on_delete=models.CASCADE, related_name="audit_chain")
    length = models.PositiveBigIntegerField(default=0)
    head = models.CharField(max_length=64, blank=True)
    earlier_end: models.JSONField[Any, Any] = models.JSONField(null=True)
    key_id = models.CharField(max_length=8, blank=True)
    mac = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.length} events"


class AuditEvent(models.Model):
    """One recorded change; append-only (accounts.audit.recording).

    Only `personal` ({"salt", "actor", "target", "before", "after"}) can be erased; the chain covers `personal_digest`.
    `erased` names the events that were erased with this one ("3-7 12"), `key_id` the key of both digests
    (accounts.audit.keys). The primary key is composite, because the chain couldn't cover a generated id.
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
    erased = models.TextField(blank=True)
    key_id = models.CharField(max_length=8)
    previous = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(digest=F("previous")), name="audit_event_digest_moves_on"),
        ]
        # One per filter of the list, in the list's order.
        indexes = [
            models.Index(fields=["enterprise", "action", "number"], name="audit_event_by_action"),
            # The actor comes first because an erased user's events are looked up across all enterprises.
            models.Index(fields=["actor_user_id", "enterprise", "number"], name="audit_event_by_actor"),
            models.Index(fields=["enterprise", "target_id", "number"], name="audit_event_by_target"),
            models.Index(fields=["enterprise", "target_type", "number"], name="audit_event_by_target_type"),
            models.Index(fields=["enterprise", "via", "number"], name="audit_event_by_via"),
            models.Index(fields=["enterprise", "at", "number"], name="audit_event_by_time"),
            models.Index(fields=["enterprise", "request_id"], name="audit_event_by_request"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.action}"


class AuditCheck(LeasedJob):
    """The progress and result of the latest check of a chain (accounts.audit.verification_job).

    `number` and `head` are the last verified event, `length` is the chain's length when the check started. `proven_…`
    is the end of the last successful check, which reveals a log truncated together with its AuditChain. `whole_at` is
    when the last full check started. `mac` signs all of this, so that nobody can make a check skip events.
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
    key_id = models.CharField(max_length=8, blank=True)
    mac = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.number} of {self.length} events"

    @property
    def state(self) -> str:
        if self.finished_at is None:
            return "running"
        return "whole" if self.broken_number is None else "broken"
