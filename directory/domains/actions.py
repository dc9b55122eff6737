"""Mail domains: what they are called, where their mailboxes are opened, which addresses no person gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, recording
from accounts.models import Enterprise
from directory.domains.addresses import RESERVED, clean_domain, clean_host, clean_webmail_url
from directory.models import Address, Domain

RULES: dict[str, Callable[[str], str]] = {
    "name": clean_domain,
    "webmail_url": clean_webmail_url,
    "imap": clean_host,
    "smtp": clean_host,
}


def add_domain(
    enterprise: Enterprise,
    *,
    by: Actor,
    name: str,
    webmail_url: str = "",
    imap: str = "",
    smtp: str = "",
    is_default: bool = False,
) -> Domain:
    """With its reserved addresses; an enterprise's first one is its default. Raises ValidationError."""
    facts = _clean(name=name, webmail_url=webmail_url, imap=imap, smtp=smtp)
    try:
        with recording(enterprise, by=by) as record:
            is_default = is_default or not enterprise.domains.filter(is_default=True).exists()
            if is_default:
                enterprise.domains.update(is_default=False)
            domain = Domain.objects.create(enterprise=enterprise, is_default=is_default, **facts)
            Address.objects.bulk_create(
                Address(enterprise=enterprise, domain=domain, local=local, purpose=Address.Purpose.RESERVED)
                for local in RESERVED
            )
            record("domain_added", domain, after=facts | {"is_default": is_default})
    except IntegrityError as conflict:
        # The holder may be another enterprise: it is not named.
        raise ValidationError({"name": [_("This domain is already in use here.")]}) from conflict
    return domain


def edit_domain(
    domain: Domain, *, by: Actor, webmail_url: str = "", imap: str = "", smtp: str = "", is_default: bool = False
) -> Domain:
    """The name stays: every address hangs on it. A default gives way only to another. Raises ValidationError."""
    facts = _clean(webmail_url=webmail_url, imap=imap, smtp=smtp)
    with recording(domain.enterprise, by=by) as record:
        domain = Domain.objects.get(pk=domain.pk)
        before = {fact: getattr(domain, fact) for fact in [*facts, "is_default"]}
        facts["is_default"] = is_default or domain.is_default
        if facts["is_default"]:
            domain.enterprise.domains.exclude(pk=domain.pk).update(is_default=False)
        for fact, value in facts.items():
            setattr(domain, fact, value)
        domain.save(update_fields=[*facts])
        record("domain_edited", domain, before=before, after=facts)
    return domain


def _clean(**typed: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    errors: dict[str, ValidationError] = {}
    for field, text in typed.items():
        try:
            facts[field] = RULES[field](text)
        except ValidationError as error:
            errors[field] = error
    if errors:
        raise ValidationError(errors)
    return facts
