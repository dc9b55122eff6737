"""The data of one member, validated: on its way from a form, a workbook or the API to the tables, or back.

A field of a member is a field of `MemberInput`, a field of `MemberData` and a rule in `RULES`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple, Self, TypedDict

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import Enterprise
from directory.domains.addresses import clean_account, clean_prefix, split_address
from directory.members.search_keys import keys_of
from directory.models import Address, Department, Domain, Member, Membership
from directory.names import NO_NAME, clean_name, clean_position
from sms.phones import PhoneRefused, parse_phone

ALIAS_SEPARATORS = ";；,，、"
PHONE, CODE = Member.Activation.PHONE.value, Member.Activation.CODE.value


class MemberInput(TypedDict, total=False):
    """What a form or another caller passes on as it was typed; a missing key takes the default."""

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
class Labels:
    """The names that stand for ids: of domains, and of departments (in a workbook their paths)."""

    domains: Mapping[int, str]
    departments: Mapping[int, str]
    language: str = "zh-hans"

    def address(self, local: str, domain: int) -> str:
        return f"{local}@{self.domains[domain]}"


class MemberData(NamedTuple):
    """Everything that can be edited about a member. A frozen dataclass would take four times as long to create.

    `account` is blank until one is chosen; `phone` is E.164; `domain` is an id. `departments` are ids, the main one
    first; a planned import row has the path of a department that is still to be created. `aliases` are pairs of local
    part and domain id.
    """

    name: str
    account: str
    prefix: str
    domain: int
    phone: str | None
    departments: tuple[Any, ...]
    position: str = ""
    activation: str = PHONE
    aliases: tuple[tuple[str, int], ...] = ()

    @classmethod
    def from_input(cls, enterprise: Enterprise, typed: MemberInput) -> Self:
        """Validate input. Raises ValidationError with the errors of all fields; does not look for conflicts."""
        values: dict[str, Any] = {}
        errors: dict[str, ValidationError] = {}
        for name, rule in RULES.items():
            try:
                values[name] = rule(enterprise, typed)
            except ValidationError as error:
                errors[name] = error
        for name, refusal in refusals(values):
            errors.setdefault(name, refusal)
        if errors:
            raise ValidationError(errors)
        del values["main_department"]
        return cls(**values)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Return the data that an import keeps as JSON."""
        departments, aliases = tuple(row["departments"]), tuple([(local, domain) for local, domain in row["aliases"]])
        return cls(**{**row, "departments": departments, "aliases": aliases})

    @classmethod
    def from_member(cls, member: Member) -> MemberData:
        """Return the data of a saved member, in two queries."""
        return read_data([member])[member.pk]

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The mailbox first, then the aliases."""
        return [(self.prefix, self.domain), *self.aliases]

    def assign_to(self, member: Member) -> None:
        """Set the member's own columns, without saving."""
        for name in COLUMNS:
            setattr(member, name, getattr(self, name))
        member.main_department_id = self.departments[0]
        for name, key in keys_of(self.name, self.phone)._asdict().items():
            setattr(member, name, key)

    def to_audit(self, labels: Labels) -> dict[str, Any]:
        """Return what the audit log keeps."""
        departments = [labels.departments[id] for id in self.departments]
        return {
            **dict(zip(COLUMNS, columns_of(self), strict=True)),
            "phone": self.phone or "",
            "address": labels.address(self.prefix, self.domain),
            "departments": departments,
            "main_department": departments[0],
            "aliases": [labels.address(*alias) for alias in self.aliases],
        }


FIELDS = MemberData._fields
# The fields that are columns of the member's own table.
COLUMNS = tuple(name for name in FIELDS if name not in {"prefix", "domain", "departments", "aliases"})
columns_of: Callable[[Any], tuple[Any, ...]] = attrgetter(*COLUMNS)


def read_data(members: Sequence[Any]) -> dict[int, MemberData]:
    """Return the data of these members (or rows with the same columns) by id, in two queries.

    The main department comes first, the others by id; aliases are in the order of their creation.
    """
    ids = [member.pk for member in members]
    departments: dict[int, list[int]] = defaultdict(list)
    for member, department in Membership.objects.filter(member__in=ids).values_list("member", "department"):
        departments[member].append(department)
    mailboxes: dict[int, tuple[str, int]] = {}
    aliases: dict[int, list[tuple[str, int]]] = defaultdict(list)
    held = Address.objects.filter(member__in=ids).order_by("pk")
    for holder, purpose, local, domain in held.values_list("member_id", "purpose", "local", "domain"):
        if purpose == Address.Purpose.PRIMARY:
            mailboxes[holder or 0] = local, domain
        else:
            aliases[holder or 0].append((local, domain))
    data = {}
    for member in members:
        pk, main = member.pk, member.main_department_id
        prefix, domain = mailboxes[pk]
        data[pk] = MemberData(
            **dict(zip(COLUMNS, columns_of(member), strict=True)),
            prefix=prefix,
            domain=domain,
            departments=(main, *sorted(id for id in departments[pk] if id != main)),
            aliases=tuple(aliases[pk]),
        )
    return data


def departments_of_data(enterprise: Enterprise, *members: MemberData) -> dict[int, Department]:
    """Return the departments that still exist of those that these members name."""
    named = {id for data in members for id in data.departments}
    return Department.objects.filter(enterprise=enterprise).in_bulk(named)


def labels_of(enterprise: Enterprise, departments: Mapping[int, Department]) -> Labels:
    domains = {domain.pk: domain.name for domain in enterprise.domains.all()}
    return Labels(domains, {pk: department.name for pk, department in departments.items()})


def refusals(values: Mapping[str, Any]) -> Iterator[tuple[str, ValidationError]]:
    """Yield field and error for each broken rule about the member as a whole; `values` may lack invalid fields."""
    if len(values.get("departments", ())) > Member.MAX_DEPARTMENTS:
        yield "departments", _too_many_departments()
    if not values.get("name"):
        yield "name", ValidationError(NO_NAME)
    if not values.get("prefix"):
        yield "prefix", ValidationError(_("Enter the mailbox prefix."))
    if values.get("activation") == PHONE and not values.get("phone"):
        yield "phone", ValidationError(_("Enter a phone number. The member joins with it."))
    if (values.get("prefix"), values.get("domain")) in values.get("aliases", ()):
        own = {"alias": values["prefix"]}
        yield "aliases", ValidationError(_("%(alias)s is the mailbox itself, not an alias."), params=own)


def clean_phone(text: str, region: str) -> str:
    """Return the number as E.164; `region` is the country of a number without a country code."""
    try:
        return parse_phone(text, region)
    except PhoneRefused as error:
        raise error.as_validation_error() from None


def split_aliases(text: str) -> list[str]:
    """Split what was typed into one field at semicolons, commas and white space."""
    return text.translate(dict.fromkeys(map(ord, ALIAS_SEPARATORS), " ")).split()


def check_aliases(aliases: Iterable[tuple[str, Any]]) -> tuple[tuple[str, Any], ...]:
    """Return the aliases without repetitions."""
    kept = tuple(dict.fromkeys(aliases))
    if len(kept) > Member.MAX_ALIASES:
        raise ValidationError(_("A member can have up to %(limit)d aliases."), params={"limit": Member.MAX_ALIASES})
    return kept


def check_departments(departments: Iterable[Any]) -> tuple[Any, ...]:
    """Return the departments without repetitions."""
    kept = tuple(dict.fromkeys(departments))
    if len(kept) > Member.MAX_DEPARTMENTS:
        raise _too_many_departments()
    return kept


def _too_many_departments() -> ValidationError:
    limit = {"limit": Member.MAX_DEPARTMENTS}
    return ValidationError(_("A member can belong to up to %(limit)d departments."), params=limit)


def _clean_domain(enterprise: Enterprise, typed: MemberInput) -> int:
    if typed["domain"].enterprise_id != enterprise.pk:
        raise ValidationError(_("Select one of the enterprise's domains."))
    return typed["domain"].pk


def _clean_phone(enterprise: Enterprise, typed: MemberInput) -> str | None:
    phone = typed.get("phone") or ""
    return clean_phone(phone, enterprise.region) if phone.strip() else None


def _clean_departments(enterprise: Enterprise, typed: MemberInput) -> tuple[int, ...]:
    """The chosen departments, the main one first; if none is chosen, the root."""
    main = typed.get("main_department")
    chosen = list(typed.get("departments") or ())
    if not chosen:
        chosen = [main or Department.objects.get(enterprise=enterprise, parent=None)]
    if any(department.enterprise_id != enterprise.pk for department in chosen):
        raise ValidationError(_("Select departments of this enterprise."))
    first = [main] if main and main in chosen else []
    return check_departments(department.pk for department in [*first, *chosen])


def _clean_main_department(_enterprise: Enterprise, typed: MemberInput) -> None:
    main, chosen = typed.get("main_department"), typed.get("departments")
    if main and chosen and main not in chosen:
        raise ValidationError(_("The main department must be one of the selected departments."))


def _clean_activation(_enterprise: Enterprise, typed: MemberInput) -> str:
    activation = typed.get("activation", PHONE)
    if activation not in Member.Activation:
        raise ValidationError(_("Select an activation method."))
    return str(activation)


def _clean_aliases(enterprise: Enterprise, typed: MemberInput) -> tuple[tuple[str, int], ...]:
    aliases = typed.get("aliases", ())
    domains = {domain.name: domain.pk for domain in enterprise.domains.all()} if aliases else {}
    return check_aliases(_clean_alias(text, domains, typed["domain"]) for text in aliases)


def _clean_alias(text: str, domains: Mapping[str, int], own: Domain) -> tuple[str, int]:
    local, name = split_address(text)
    domain = domains.get(name.lower()) if name else own.pk
    if not domain:
        raise ValidationError(_("%(domain)s is not a domain of this enterprise."), params={"domain": name})
    return clean_prefix(local), domain


RULES: dict[str, Callable[[Enterprise, MemberInput], Any]] = {
    "name": lambda _enterprise, typed: clean_name(typed.get("name", "")),
    "account": lambda _enterprise, typed: clean_account(typed.get("account", "")),
    "prefix": lambda _enterprise, typed: clean_prefix(typed.get("prefix", "")),
    "domain": _clean_domain,
    "phone": _clean_phone,
    "departments": _clean_departments,
    "main_department": _clean_main_department,
    "position": lambda _enterprise, typed: clean_position(typed.get("position", "")),
    "activation": _clean_activation,
    "aliases": _clean_aliases,
}
