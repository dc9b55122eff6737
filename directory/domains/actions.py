"""Actions on mail domains: add one with its reserved addresses, edit its servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, recording
from accounts.models import Enterprise
from core.text_rules import clean_fields
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
    """Add a domain and its reserved addresses. The first one becomes the default. Raises ValidationError."""
    columns: dict[str, Any] = clean_fields(RULES, name=name, webmail_url=webmail_url, imap=imap, smtp=smtp)
    try:
        with recording(enterprise, by=by) as record:
            is_default = is_default or not enterprise.domains.filter(is_default=True).exists()
            if is_default:
                enterprise.domains.update(is_default=False)
            domain = Domain.objects.create(enterprise=enterprise, is_default=is_default, **columns)
            Address.objects.bulk_create(
                Address(enterprise=enterprise, domain=domain, local=local, purpose=Address.Purpose.RESERVED)
                for local in RESERVED
            )
            record("domain_added", domain, after=columns | {"is_default": is_default})
    except IntegrityError as conflict:
        # Another enterprise may hold the domain, so do not name the holder.
        raise ValidationError({"name": [_("This domain is already in use here.")]}) from conflict
    return domain


def edit_domain(
    domain: Domain, *, by: Actor, webmail_url: str = "", imap: str = "", smtp: str = "", is_default: bool = False
) -> Domain:
    """Change all but the name, which is part of every address. Raises ValidationError.

    The default domain stays the default until another one replaces it.
    """
    columns: dict[str, Any] = clean_fields(RULES, webmail_url=webmail_url, imap=imap, smtp=smtp)
    with recording(domain.enterprise, by=by) as record:
        domain = Domain.objects.get(pk=domain.pk)
        before = {column: getattr(domain, column) for column in [*columns, "is_default"]}
        columns["is_default"] = is_default or domain.is_default
        if columns["is_default"]:
            domain.enterprise.domains.exclude(pk=domain.pk).update(is_default=False)
        for column, value in columns.items():
            setattr(domain, column, value)
        domain.save(update_fields=[*columns])
        record("domain_edited", domain, before=before, after=columns)
    return domain
