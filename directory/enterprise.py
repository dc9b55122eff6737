"""Open an enterprise with its first domain and its root department."""

from typing import Any, Protocol

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.audit.recording import Actor, recording
from accounts.models import Enterprise
from core.registry import Registry
from core.text_rules import clean_enterprise_name
from directory.departments.actions import open_root
from directory.domains.actions import add_domain
from directory.names import clean_department_name


class OpeningStep(Protocol):
    """Create what another app keeps of every enterprise, in the transaction that opens it."""

    def __call__(self, enterprise: Enterprise, *, by: Actor) -> None: ...


_opening_steps: Registry[OpeningStep] = Registry("steps of opening an enterprise")


def register_opening_step(step: OpeningStep) -> None:
    """Call `step` whenever an enterprise is opened; an exception from it leaves nothing opened."""
    _opening_steps.register(step)


def open_enterprise(*, name: str, domain: str, by: Actor, is_demo: bool = False, **settings: Any) -> Enterprise:
    """Create an enterprise with its root department, default domain and reserved addresses.

    `settings` are further columns of Enterprise. Raises ValidationError for `name` and `domain`.
    """
    try:
        clean_enterprise_name(name)
        kept_name = clean_department_name(name)
    except ValidationError as error:
        raise ValidationError({"name": error}) from error
    with transaction.atomic():
        enterprise = Enterprise.objects.create(name=kept_name, is_demo=is_demo, **settings)
        with recording(enterprise, by=by) as record:
            record("enterprise_opened", enterprise, after={"name": kept_name})
            open_root(enterprise)
        try:
            add_domain(enterprise, name=domain, by=by)
        except ValidationError as error:
            raise ValidationError({"domain": error.error_dict["name"]}) from error
        for step in _opening_steps.all():
            step(enterprise, by=by)
    return enterprise
