"""The rules by which people outside the directory join: whether at all, with approval, and where to."""

from __future__ import annotations

from typing import Any

from django.db.models import Max

from accounts.audit.recording import Actor, recording
from accounts.models import Enterprise
from directory.models import Department, Domain
from invitations.models import Application, JoinLink, JoinSettings, PrivacyNotice


def rules_of(enterprise: Enterprise) -> JoinSettings:
    return JoinSettings.objects.select_related("default_department", "default_domain").get(enterprise=enterprise)


def edit_rules(
    enterprise: Enterprise,
    *,
    by: Actor,
    enabled: bool,
    approval_required: bool,
    default_department: Department,
    default_domain: Domain,
    privacy_notice: str,
) -> None:
    """Replace all rules; record it if anything differs. `enabled` takes effect with the commit."""
    with recording(enterprise, by=by) as record:
        enterprise.refresh_from_db()
        rules = rules_of(enterprise)
        before = _audit_snapshot(enterprise, rules)
        enterprise.is_joining_open = enabled
        enterprise.save(update_fields=["is_joining_open"])
        rules.approval_required = approval_required
        rules.default_department, rules.default_domain = default_department, default_domain
        if privacy_notice and privacy_notice != rules.privacy_notice:
            _save_notice(enterprise, privacy_notice)
        rules.privacy_notice = privacy_notice
        rules.save()
        after = _audit_snapshot(enterprise, rules)
        if after != before:
            record("joining_edited", enterprise, before=before, after=after)


def notice_of(rules: JoinSettings) -> PrivacyNotice | None:
    """Return the current version of the privacy notice, None for the general text."""
    if not rules.privacy_notice:
        return None
    return PrivacyNotice.objects.filter(enterprise=rules.enterprise_id).order_by("-number").first()


def landing_domain(link: JoinLink, rules: JoinSettings) -> Domain:
    """Return the domain of those who join by this link."""
    return link.domain or rules.default_domain or Domain.objects.get(enterprise=rules.enterprise_id, is_default=True)


def landing_department(link: JoinLink, rules: JoinSettings) -> Department:
    """Return the department of those who join by this link."""
    named = link.department or rules.default_department
    return named or Department.objects.get(enterprise=rules.enterprise_id, parent=None)


def is_approval_required(link: JoinLink, rules: JoinSettings) -> bool:
    return rules.approval_required if link.approval_required is None else link.approval_required


def _save_notice(enterprise: Enterprise, text: str) -> None:
    numbers = PrivacyNotice.objects.filter(enterprise=enterprise).aggregate(last=Max("number"))
    PrivacyNotice.objects.create(enterprise=enterprise, number=(numbers["last"] or 0) + 1, text=text)


def _audit_snapshot(enterprise: Enterprise, rules: JoinSettings) -> dict[str, Any]:
    return {
        "enabled": enterprise.is_joining_open,
        "approval_required": rules.approval_required,
        "default_department": rules.default_department.name if rules.default_department else "",
        "default_domain": rules.default_domain.name if rules.default_domain else "",
        "privacy_notice": rules.privacy_notice,
    }


def phones_waiting(enterprise: int) -> set[str]:
    """Return the numbers (E.164) of people who have applied and are neither admitted nor rejected."""
    waiting = Application.objects.filter(enterprise=enterprise, state=Application.State.PENDING)
    return set(waiting.values_list("phone", flat=True))
