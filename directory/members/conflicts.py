"""Conflicts on the values that only one member may have: accounts, phones and addresses.

Claims are looked up for many members at once, in a fixed number of queries.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models.functions import Lower
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.audit.recording import Actor
from accounts.models import Enterprise, Role
from directory.access import binned_members_of, is_scoped, members_of
from directory.domains.addresses import ACCOUNT_MAX
from directory.joining.applicants import addresses_applied_for
from directory.members.data import Labels, MemberData, read_data
from directory.models import Address, Domain, Member
from sms.phones import show_phone

Conflict = tuple[str, ValidationError]


class Applicant(str):
    """The name of a person who has applied for an address; "" if the reader may not know it."""


@dataclass
class Claims:
    """The unique values that members ask for: accounts in lower case, phones, addresses as (local, domain id)."""

    accounts: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    addresses: set[tuple[str, int]] = field(default_factory=set)

    def add(self, data: MemberData, labels: Labels) -> None:
        """Claim what `data` needs; without an account the two that are chosen from."""
        usual = {data.prefix, labels.address(data.prefix, data.domain)}
        self.accounts |= {data.account.lower()} if data.account else usual
        self.addresses.update(data.addresses)
        if data.phone:
            self.phones.add(data.phone)


@dataclass
class ClaimedValues:
    """Who holds each claimed value: the id of a member; of an address also an Applicant, or RESERVED.

    `role` is the reader of the messages, which contain only names they may see; without one the operator sees
    everything, and an outsider nothing. `known` members need not be loaded again.
    """

    role: Role | None
    is_outsider: bool
    accounts: Mapping[str, int]
    phones: Mapping[str, int]
    addresses: Mapping[tuple[str, int], int | str]
    known: Mapping[int, Member]

    @cached_property
    def members(self) -> dict[int, Member]:
        addresses = {holder for holder in self.addresses.values() if isinstance(holder, int)}
        missing = {*self.accounts.values(), *self.phones.values(), *addresses} - self.known.keys()
        loaded = Member.objects.select_related("main_department").in_bulk(missing) if missing else {}
        return {**self.known, **loaded}

    @cached_property
    def data(self) -> dict[int, MemberData]:
        """The data of `members`; erased ones have none."""
        return read_data([member for member in self.members.values() if not member.erased_at])

    def find_member(self, account: str, address: tuple[str, int]) -> Member | None:
        """Return the member with the account, or else with the address."""
        holder: int | str | None = self.accounts.get(account.lower())
        if holder is None:
            holder = self.addresses.get(address)
        return self.members.get(holder) if isinstance(holder, int) else None

    def may_see(self, member: int) -> bool:
        return self._visible is None or member in self._visible

    def conflicts(self, data: MemberData, labels: Labels, *, exclude: int | None = None) -> list[Conflict]:
        """Return field and error for each value that anyone but the member `exclude` holds."""
        if not (self.accounts or self.phones or self.addresses):
            return []
        claims: list[tuple[str, Any, int | str | None]] = [
            ("account", data.account, self.accounts.get(data.account.lower())),
            ("phone", data.phone, self.phones.get(data.phone or "")),
            ("prefix", data.addresses[0], self.addresses.get(data.addresses[0])),
            *(("aliases", alias, self.addresses.get(alias)) for alias in data.aliases),
        ]
        return [
            (name, self.error(_shown(name, value, labels), holder))
            for name, value, holder in claims
            if holder is not None and holder != exclude
        ]

    def error(self, value: str, holder: int | str) -> ValidationError:
        """Return an error that names the holder of the value, if the reader may see that member."""
        if isinstance(holder, Applicant):
            if not holder:
                return ValidationError(_("%(address)s has already been requested."), params={"address": value})
            text = _("%(address)s is already requested by %(name)s.")
            return ValidationError(text, params={"address": value, "name": str(holder)})
        if isinstance(holder, str):
            return ValidationError(_("%(address)s is reserved."), params={"address": value})
        if not self.may_see(holder):
            text = _("%(what)s belongs to a member outside your departments.")
            return ValidationError(text, params={"what": value})
        member = self.members[holder]
        params: dict[str, Any] = {
            "what": value,
            "name": member.name,
            "department": member.main_department.name,
            "status": gettext_lazy("in the recycle bin") if member.deleted_at else Member.Status(member.status).label,
        }
        if member.deleted_at:
            text = _(
                "%(what)s belongs to %(name)s (%(department)s, %(status)s). To use it now, restore them or delete them "
                "permanently."
            )
            return ValidationError(text, params=params)
        return ValidationError(_("%(what)s belongs to %(name)s (%(department)s, %(status)s)"), params=params)

    @cached_property
    def _visible(self) -> set[int] | None:
        if self.is_outsider:
            return set()
        if not self.role or not is_scoped(self.role):
            return None
        reachable = (members_of(self.role), binned_members_of(self.role))
        return {pk for rows in reachable for pk in rows.filter(pk__in=self.members).values_list("pk", flat=True)}


def look_up_claims(
    enterprise: Enterprise,
    claims: Claims,
    role: Role | None,
    known: Mapping[int, Member] | None = None,
    *,
    is_outsider: bool = False,
) -> ClaimedValues:
    """Look up who holds the claimed values, in three queries and up to four more when they are needed."""
    members = Member.objects.filter(enterprise=enterprise)
    accounts = members.annotate(low=Lower("account")).filter(low__among=claims.accounts)
    phones = members.filter(deleted_at=None, phone__among=claims.phones)
    return ClaimedValues(
        role,
        is_outsider,
        _pairs(accounts.values_list("low", "pk")) if claims.accounts else {},
        _pairs(phones.values_list("phone", "pk")) if claims.phones else {},
        _held_addresses(claims.addresses, role, is_outsider) if claims.addresses else {},
        known or {},
    )


def without_conflicts(
    data: MemberData, enterprise: Enterprise, labels: Labels, *, by: Actor, exclude: Member | None = None
) -> MemberData:
    """Return the data with an account. Raises ValidationError for what others hold and departments that are gone.

    True until the end of the caller's `recording`.
    """
    claims = Claims()
    claims.add(data, labels)
    own = exclude.pk if exclude else None
    claimed = _look_up_for(by, enterprise, claims)
    data = data if data.account else _choose_account(data, claimed, labels, own)
    errors: dict[str, list[ValidationError]] = {}
    if not labels.departments.keys() >= set(data.departments):
        errors["departments"] = [ValidationError(_("One of these departments no longer exists."))]
    for name, error in claimed.conflicts(data, labels, exclude=own):
        errors.setdefault(name, []).append(error)
    if errors:
        raise ValidationError(errors)
    return data


def address_conflict(local: str, domain: Domain, by: Actor) -> ValidationError | None:
    """Return an error that names the holder of the address, or None if it is free."""
    address = (local, domain.pk)
    claimed = _look_up_for(by, domain.enterprise, Claims(addresses={address}))
    holder = claimed.addresses.get(address)
    return claimed.error(f"{local}@{domain}", holder) if holder is not None else None


def usual_account(mailbox: tuple[str, int], labels: Labels, *, is_taken: bool) -> str:
    """Return the account of a member without one: the prefix, or if that is taken the address; "" if it is too long."""
    account = labels.address(*mailbox) if is_taken else mailbox[0]
    return account if len(account) <= ACCOUNT_MAX else ""


def _choose_account(data: MemberData, claimed: ClaimedValues, labels: Labels, own: int | None) -> MemberData:
    is_taken = claimed.accounts.get(data.prefix, own) != own
    account = usual_account(data.addresses[0], labels, is_taken=is_taken)
    if not account:
        raise ValidationError({"account": _("The prefix is already used as an account. Enter a different account.")})
    return data._replace(account=account)


def _shown(name: str, value: Any, labels: Labels) -> str:
    if name == "phone":
        return show_phone(value)
    return str(value) if name == "account" else labels.address(*value)


def _look_up_for(by: Actor, enterprise: Enterprise, claims: Claims) -> ClaimedValues:
    """Look up the claims for messages to the actor; without a role only a command sees everything."""
    role = Role.objects.filter(user=by.user, enterprise=enterprise).first() if by.user else None
    return look_up_claims(enterprise, claims, role, is_outsider=role is None and by.via != "command")


def _held_addresses(
    claimed: Collection[tuple[str, int]], role: Role | None, is_outsider: bool
) -> dict[tuple[str, int], int | str]:
    locals_, domains = {local for local, _domain in claimed}, {domain for _local, domain in claimed}
    held = list(Address.objects.filter(domain__in=domains, local__among=locals_))
    applied_for = [one.pk for one in held if one.purpose == Address.Purpose.HELD]
    named = set() if is_outsider else _named(applied_for, role)
    return {
        (one.local, one.domain_id): one.member_id
        or (Applicant(one.held_for if one.pk in named else "") if one.pk in applied_for else one.purpose)
        for one in held
    }


def _named(applied_for: list[int], role: Role | None) -> Collection[int]:
    """Return which of these addresses have an applicant whose name the reader may see."""
    if not applied_for or not role or not is_scoped(role):
        return applied_for
    return addresses_applied_for(role, applied_for)


def _pairs(rows: Any) -> dict[str, int]:
    return {str(value): pk for value, pk in rows}
