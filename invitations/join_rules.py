"""The enterprise's rules for people outside the directory: the switch, approval, where they land."""

from __future__ import annotations

from typing import Any

from accounts.audit import Actor, recording
from accounts.models import Enterprise
from directory.models import Department, Domain
from invitations.models import JoinLink, JoinSettings


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
    """All is said anew; nothing is recorded where nothing differs. The switch counts from the commit on."""
    with recording(enterprise, by=by) as record:
        enterprise.refresh_from_db()
        rules = rules_of(enterprise)
        before = _told(enterprise, rules)
        enterprise.is_joining_open = enabled
        enterprise.save(update_fields=["is_joining_open"])
        rules.approval_required = approval_required
        rules.default_department, rules.default_domain = default_department, default_domain
        rules.privacy_notice = privacy_notice
        rules.save()
        after = _told(enterprise, rules)
        if after != before:
            record("joining_edited", enterprise, before=before, after=after)


def landing_domain(link: JoinLink, rules: JoinSettings) -> Domain:
    """The domain of who joins by this link."""
    return link.domain or rules.default_domain or Domain.objects.get(enterprise=rules.enterprise_id, is_default=True)


def landing_department(link: JoinLink, rules: JoinSettings) -> Department:
    """The department of who joins by this link."""
    named = link.department or rules.default_department
    return named or Department.objects.get(enterprise=rules.enterprise_id, parent=None)


def is_approval_required(link: JoinLink, rules: JoinSettings) -> bool:
    return rules.approval_required if link.approval_required is None else link.approval_required


def _told(enterprise: Enterprise, rules: JoinSettings) -> dict[str, Any]:
    return {
        "enabled": enterprise.is_joining_open,
        "approval_required": rules.approval_required,
        "default_department": rules.default_department.name if rules.default_department else "",
        "default_domain": rules.default_domain.name if rules.default_domain else "",
        "privacy_notice": rules.privacy_notice,
    }
