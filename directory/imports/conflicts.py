"""Who in the directory holds what the rows want: asked for many rows at once, never row by row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from accounts.models import Enterprise, Role
from directory.access import is_scoped, members_of
from directory.imports.columns import Facts
from directory.imports.problems import Words
from directory.members import fields as member_facts
from directory.members.fields import holder_words
from directory.models import Address, Member, Membership
from sms.phones import show_phone

Mailbox = tuple[int, str]


class Applicant(str):
    """The name of whoever has applied for an address."""


IN_THE_BIN = "deleted"


@dataclass
class Wanted:
    """What a chunk of rows asks for: accounts in lower case, phones, addresses as (domain, local)."""

    accounts: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    mailboxes: set[Mailbox] = field(default_factory=set)


@dataclass
class Holders:
    """Accounts, phones and addresses to their member's id; an address may be "reserved" instead, or held for
    an applicant: then it leads to their name."""

    accounts: dict[str, int]
    phones: dict[str, int]
    mailboxes: dict[Mailbox, int | str]
    members: dict[int, Member]
    seen: Collection[int] | None

    def words(self, what: str, holder: int | str) -> Words:
        if isinstance(holder, Applicant):
            return _("%(address)s has been applied for by %(name)s."), {"address": what, "name": str(holder)}
        if holder == Address.Purpose.RESERVED:
            return _("%(address)s is reserved."), {"address": what}
        return holder_words(what, self.members[int(holder)], is_seen=self.sees(holder))

    @cached_property
    def facts(self) -> dict[int, Facts]:
        """Of all `members`, read when first asked for."""
        return {id: facts for id, (_status, facts) in read_facts(self.members).items()}

    def sees(self, holder: int | str) -> bool:
        return self.seen is None or holder in self.seen

    def conflicts(self, facts: Facts, names: Mapping[int, str], *, but: int | None = None) -> list[tuple[str, Words]]:
        """Column and words for everything in `facts` that another than `but` holds."""
        found: list[tuple[str, Words]] = []
        if not (self.accounts or self.phones or self.mailboxes):
            return found
        holder: int | str | None = self.accounts.get(facts["account"].lower(), but)
        if holder != but and holder is not None:
            found.append(("account", self.words(facts["account"], holder)))
        if facts["phone"]:
            holder = self.phones.get(facts["phone"], but)
            if holder != but and holder is not None:
                found.append(("phone", self.words(show_phone(facts["phone"]), holder)))
        for place, (domain, local) in enumerate(mailboxes_of(facts)):
            holder = self.mailboxes.get((domain, local), but)
            if holder != but and holder is not None:
                found.append(("aliases" if place else "prefix", self.words(f"{local}@{names[domain]}", holder)))
        return found


def mailboxes_of(facts: Facts) -> list[Mailbox]:
    """The mailbox first, then the aliases."""
    return [(facts["domain"], facts["prefix"]), *((domain, local) for local, domain in facts["aliases"])]


def wanted_by(rows: Iterable[Facts]) -> Wanted:
    wanted = Wanted()
    for facts in rows:
        wanted.accounts.add(facts["account"].lower())
        wanted.mailboxes.update(mailboxes_of(facts))
        if facts["phone"]:
            wanted.phones.add(facts["phone"])
    return wanted


def find_holders(
    enterprise: Enterprise, wanted: Wanted, role: Role | None, known: Mapping[int, Member] | None = None
) -> Holders:
    """In six queries at most. `role` is whose eyes the messages are for; none sees everything. Who is `known` need not
    be loaded again."""
    members = Member.objects.filter(enterprise=enterprise)
    accounts = (
        members.alias(low=Lower("account")).filter(low__among=wanted.accounts) if wanted.accounts else members.none()
    )
    phones = members.filter(deleted_at=None, phone__among=wanted.phones) if wanted.phones else members.none()
    by_account = {account.lower(): id for account, id in accounts.values_list("account", "pk")}
    by_phone = {str(phone): id for phone, id in phones.values_list("phone", "pk")}
    by_mailbox = _mailboxes(wanted)
    ids = {*by_account.values(), *by_phone.values(), *(id for id in by_mailbox.values() if isinstance(id, int))}
    seen = None
    if role and is_scoped(role):
        seen = set(members_of(role).filter(pk__in=ids).values_list("pk", flat=True))
    known = known or {}
    return Holders(by_account, by_phone, by_mailbox, {**known, **_load_members(ids - known.keys())}, seen)


def _load_members(ids: Collection[int]) -> dict[int, Member]:
    return Member.objects.select_related("main_department").in_bulk(list(ids)) if ids else {}


def as_row(facts: member_facts.Facts) -> Facts:
    """As a row states a member, and `read_facts` reads one."""
    main, others = facts.main_department.pk, sorted(one.pk for one in facts.departments)
    return {
        "name": facts.name,
        "account": facts.account,
        "prefix": facts.prefix,
        "domain": facts.domain.pk,
        "phone": facts.phone,
        "departments": [main, *(id for id in others if id != main)],
        "position": facts.position,
        "activation": facts.activation,
        "aliases": sorted([local, domain.pk] for local, domain in facts.aliases),
    }


def read_facts(ids: Collection[int]) -> dict[int, tuple[str, Facts]]:
    """Status (or IN_THE_BIN) and facts of each, by ascending id, as a row states a member: the main department first,
    the rest in order. Three queries, no model; nothing is left to tell of whom the bin has let go."""
    places: dict[int, list[int]] = defaultdict(list)
    for member, department in Membership.objects.filter(member__in=ids).values_list("member", "department"):
        places[member].append(department)
    mailboxes, aliases = _mailboxes_of(ids)
    columns = ("pk", "deleted_at", "status", "name", "account", "phone", "position", "activation", "main_department")
    found = {}
    for pk, deleted_at, status, name, account, phone, position, activation, main in (
        Member.objects.filter(pk__in=ids, erased_at=None).order_by("pk").values_list(*columns)
    ):
        local, domain = mailboxes[pk]
        facts = {"name": name, "account": account, "prefix": local, "domain": domain, "phone": phone}
        facts["departments"] = [main, *sorted(id for id in places[pk] if id != main)]
        facts |= {"position": position, "activation": activation, "aliases": sorted(aliases[pk])}
        found[pk] = (IN_THE_BIN if deleted_at else status, facts)
    return found


def _mailboxes_of(ids: Collection[int]) -> tuple[dict[int, tuple[str, int]], dict[int, list[list[Any]]]]:
    mailboxes: dict[int, tuple[str, int]] = {}
    aliases: dict[int, list[list[Any]]] = defaultdict(list)
    held = Address.objects.filter(member__in=ids).values_list("member_id", "purpose", "local", "domain")
    for member, purpose, local, domain in held:
        if member and purpose == Address.Purpose.PRIMARY:
            mailboxes[member] = local, domain
        elif member and purpose == Address.Purpose.ALIAS:
            aliases[member].append([local, domain])
    return mailboxes, aliases


def is_same(column: str, one: Any, other: Any) -> bool:
    """The order of aliases, and of departments but the main one, says nothing."""
    if column == "departments":
        return one[:1] == other[:1] and set(one) == set(other)
    if column == "aliases":
        return sorted(map(tuple, one)) == sorted(map(tuple, other))
    return bool(one == other)


def _mailboxes(wanted: Wanted) -> dict[Mailbox, int | str]:
    if not wanted.mailboxes:
        return {}
    locals_ = {local for _domain, local in wanted.mailboxes}
    domains = {domain for domain, _local in wanted.mailboxes}
    held = Address.objects.filter(domain__in=domains, local__among=locals_)
    return {
        (domain, local): member or (Applicant(name) if purpose == Address.Purpose.HELD else purpose)
        for domain, local, member, purpose, name in held.values_list("domain", "local", "member", "purpose", "held_for")
    }
