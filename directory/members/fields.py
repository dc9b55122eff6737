"""What is said of a member, cleaned by the one rule of each fact; and who already holds what can be held once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from django.core.exceptions import ValidationError
from django.db.models.functions import Lower
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.audit.recording import Actor
from accounts.models import Enterprise, Role
from directory.access import is_scoped, members_of
from directory.domains.addresses import ACCOUNT_MAX, clean_account, clean_prefix, split_address
from directory.models import Address, Department, Domain, Member
from directory.names import clean_name, clean_position
from sms.phones import PhoneRefused, parse_phone, show_phone

Errors = dict[str, list[ValidationError]]


class Said(TypedDict, total=False):
    """What a door hands to the member verbs, as it was typed; what is left out takes the default."""

    name: str
    account: str
    prefix: str
    domain: Domain
    phone: str | None
    departments: Sequence[Department]
    main_department: Department | None
    position: str
    activation: str
    aliases: Sequence[str]


@dataclass(frozen=True)
class Facts:
    """The same, clean. `account` may be blank until `choose_account`; `aliases` are (local, domain)."""

    name: str
    account: str
    prefix: str
    domain: Domain
    phone: str | None
    departments: list[Department]
    main_department: Department
    position: str
    activation: str
    aliases: list[tuple[str, Domain]]

    @property
    def addresses(self) -> list[tuple[str, Domain]]:
        return [(self.prefix, self.domain), *self.aliases]

    def told(self) -> dict[str, Any]:
        """What the audit log keeps."""
        return {
            "name": self.name,
            "account": self.account,
            "address": f"{self.prefix}@{self.domain}",
            "phone": self.phone or "",
            "departments": [department.name for department in self.departments],
            "main_department": self.main_department.name,
            "position": self.position,
            "activation": self.activation,
            "aliases": [f"{local}@{domain}" for local, domain in self.aliases],
        }


@dataclass
class _Cleaning:
    errors: dict[str, ValidationError] = field(default_factory=dict)

    def take(self, name: str, rule: Callable[..., Any], *typed: Any) -> Any:
        try:
            return rule(*typed)
        except PhoneRefused as refused:
            self.errors[name] = refused.as_validation_error()
        except ValidationError as error:
            self.errors[name] = error
        return None


def clean_facts(enterprise: Enterprise, said: Said) -> Facts:
    """Raises ValidationError with every field that is wrong. Looks at nothing that others may hold."""
    cleaning = _Cleaning()
    domain = said["domain"]
    departments = cleaning.take("departments", _clean_departments, enterprise, said)
    facts = {
        "name": cleaning.take("name", clean_name, said.get("name", "")),
        "account": cleaning.take("account", clean_account, said.get("account", "")),
        "prefix": cleaning.take("prefix", clean_prefix, said.get("prefix", "")),
        "domain": cleaning.take("domain", _clean_domain_of, enterprise, domain),
        "phone": cleaning.take("phone", _clean_phone, enterprise, said),
        "departments": departments,
        "main_department": cleaning.take("main_department", _clean_main, said, departments or []),
        "position": cleaning.take("position", clean_position, said.get("position", "")),
        "activation": cleaning.take("activation", _clean_activation, said),
        "aliases": cleaning.take("aliases", _clean_aliases, enterprise, said),
    }
    if cleaning.errors:
        raise ValidationError(cleaning.errors)
    return Facts(**facts)


def choose_account(facts: Facts, enterprise: Enterprise, *, but: Member | None = None) -> Facts:
    """A blank account becomes the prefix, and if that is taken the whole address."""
    if facts.account:
        return facts
    address = f"{facts.prefix}@{facts.domain}"
    is_free = not _holders_of_account(enterprise, facts.prefix, but).exists()
    if not is_free and len(address) > ACCOUNT_MAX:
        raise ValidationError({"account": _("The prefix is taken as an account: enter another account.")})
    return replace(facts, account=facts.prefix if is_free else address)


def conflicts_of(facts: Facts, enterprise: Enterprise, *, by: Actor, but: Member | None = None) -> Errors:
    """Field to messages that name the holder. True until the end of the caller's `recording`."""
    errors: Errors = {}
    present = Department.objects.filter(enterprise=enterprise, pk__in=[one.pk for one in facts.departments])
    if present.count() < len(facts.departments):
        errors["departments"] = [ValidationError(_("One of these departments no longer exists."))]
    holder = _holders_of_account(enterprise, facts.account, but).first()
    if holder:
        errors["account"] = [_belongs(facts.account, holder, by)]
    held_phone = Member.objects.present().filter(enterprise=enterprise, phone=facts.phone)
    holder = (
        held_phone.exclude(pk=but.pk if but else 0).select_related("main_department").first() if facts.phone else None
    )
    if holder:
        errors["phone"] = [_belongs(show_phone(facts.phone), holder, by)]
    for place, (local, domain) in enumerate(facts.addresses):
        if error := holder_of_address(local, domain, by, but):
            errors.setdefault("aliases" if place else "prefix", []).append(error)
    return errors


def holder_words(what: str, holder: Member, *, is_seen: bool) -> tuple[str, dict[str, Any]]:
    """Return text and parameters that name who holds a unique value, to someone who may see that member or not."""
    if not is_seen:
        return _("%(what)s belongs to a member outside your departments."), {"what": what}
    return _("%(what)s belongs to %(name)s (%(department)s, %(status)s)"), {
        "what": what,
        "name": holder.name,
        "department": holder.main_department.name,
        "status": gettext_lazy("in the bin") if holder.deleted_at else Member.Status(holder.status).label,
    }


def holder_of_address(local: str, domain: Domain, by: Actor, but: Member | None = None) -> ValidationError | None:
    """Return an error that names who holds the address, or None if nobody (but `but`) does."""
    held = Address.objects.filter(domain=domain, local=local).select_related("member__main_department").first()
    if not held or (but and held.member_id == but.pk):
        return None
    what = {"address": f"{local}@{domain}", "name": held.held_for}
    if held.member:
        return _belongs(what["address"], held.member, by)
    if held.purpose == Address.Purpose.RESERVED:
        return ValidationError(_("%(address)s is reserved."), params=what)
    return ValidationError(_("%(address)s has been applied for by %(name)s."), params=what)


def split_aliases(text: str) -> list[str]:
    """What was typed into one field, parted by semicolons, commas, spaces or lines."""
    for sign in ";；,，、":
        text = text.replace(sign, " ")
    return text.split()


def _holders_of_account(enterprise: Enterprise, account: str, but: Member | None) -> Any:
    held = Member.objects.alias(low=Lower("account")).filter(enterprise=enterprise, low=account.lower())
    return held.exclude(pk=but.pk if but else 0).select_related("main_department")


def _belongs(what: str, holder: Member, by: Actor) -> ValidationError:
    """A department administrator hears names from their own departments only."""
    text, params = holder_words(what, holder, is_seen=_is_seen_by(by, holder))
    return ValidationError(text, params=params)


def _is_seen_by(by: Actor, holder: Member) -> bool:
    """Someone without a role here acts for the operator, who sees everything."""
    role = Role.objects.filter(user=by.user, enterprise=holder.enterprise_id).first() if by.user else None
    return role is None or not is_scoped(role) or members_of(role).filter(pk=holder.pk).exists()


def _clean_domain_of(enterprise: Enterprise, domain: Domain) -> Domain:
    if domain.enterprise_id != enterprise.pk:
        raise ValidationError(_("Choose one of the enterprise's domains."))
    return domain


def _clean_phone(enterprise: Enterprise, said: Said) -> str | None:
    typed = said.get("phone") or ""
    if typed.strip():
        return parse_phone(typed, enterprise.region)
    if said.get("activation", Member.Activation.PHONE) == Member.Activation.PHONE:
        raise ValidationError(_("Enter the phone: the member joins with it."))
    return None


def _clean_activation(said: Said) -> str:
    activation = said.get("activation", Member.Activation.PHONE)
    if activation not in Member.Activation:
        raise ValidationError(_("Choose one of the ways."))
    return activation


def _clean_departments(enterprise: Enterprise, said: Said) -> list[Department]:
    chosen = list(dict.fromkeys(said.get("departments") or ()))
    main = said.get("main_department")
    if main and main not in chosen and not chosen:
        chosen = [main]
    if not chosen:
        chosen = [Department.objects.get(enterprise=enterprise, parent=None)]
    if any(department.enterprise_id != enterprise.pk for department in chosen):
        raise ValidationError(_("Choose departments of this enterprise."))
    if len(chosen) > Member.MAX_DEPARTMENTS:
        limit = {"limit": Member.MAX_DEPARTMENTS}
        raise ValidationError(_("A member stands in at most %(limit)d departments."), params=limit)
    return chosen


def _clean_main(said: Said, departments: list[Department]) -> Department | None:
    main = said.get("main_department")
    if main and departments and main not in departments:
        raise ValidationError(_("The main department must be one of the chosen ones."))
    return main or (departments[0] if departments else None)


def _clean_aliases(enterprise: Enterprise, said: Said) -> list[tuple[str, Domain]]:
    domains = {domain.name: domain for domain in enterprise.domains.all()} if said.get("aliases") else {}
    kept: dict[tuple[str, int], tuple[str, Domain]] = {}
    for text in said.get("aliases", ()):
        local, name = split_address(text)
        domain = domains.get(name.lower()) if name else said["domain"]
        if not domain:
            raise ValidationError(_("%(domain)s is not a domain of this enterprise."), params={"domain": name})
        kept[clean_prefix(local), domain.pk] = (clean_prefix(local), domain)
    if len(kept) > Member.MAX_ALIASES:
        raise ValidationError(_("A member has at most %(limit)d aliases."), params={"limit": Member.MAX_ALIASES})
    _refuse_own_mailbox(said, kept)
    return list(kept.values())


def _refuse_own_mailbox(said: Said, aliases: dict[tuple[str, int], Any]) -> None:
    own = (said.get("prefix", "").strip().lower(), said["domain"].pk)
    if own in aliases:
        raise ValidationError(_("%(alias)s is the mailbox itself, not an alias."), params={"alias": own[0]})
