"""Members who are there already become what rows, or an undo, say: a chunk at once, as `edit_member` does it to one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, prefetch_related_objects
from django.utils.translation import gettext as _

from accounts.audit.recording import Record
from directory.access import is_scoped, members_of
from directory.imports.check import Check
from directory.imports.columns import Facts
from directory.imports.conflicts import find_holders, wanted_by
from directory.imports.problems import Words
from directory.members.actions import edit_member
from directory.members.bulk_update import Edit, Standing, edit_members, read_standings, taken_logins
from directory.members.fields import Said, clean_facts
from directory.models import Department, Domain, ImportRow, Member


@dataclass(slots=True)
class Change:
    """What a member shall be, as rows state it; afterwards column and words for all that stood in the way."""

    standing: Standing
    facts: Facts
    refusals: list[tuple[str, Words]] = field(default_factory=list)

    @property
    def member(self) -> Member:
        return self.standing.member


Ready = tuple[Change, Said, Edit]


def standings_of(check: Check, rows: Iterable[ImportRow]) -> dict[int, Standing]:
    """Of the members whom these rows are about, if they are in the directory still, and where the author reaches."""
    enterprise, ids = check.imported.enterprise, [row.member_id for row in rows if row.member_id]
    prefetch_related_objects([enterprise], "domains")
    if check.role and is_scoped(check.role):
        ids = list(members_of(check.role).filter(pk__in=ids).values_list("pk", flat=True))
    return read_standings(enterprise, ids)


def words_of_absence(check: Check) -> str:
    """Why there is no standing."""
    if check.role and is_scoped(check.role):
        return _("The member is no longer in the directory, or in no department that you look after.")
    return _("The member is no longer in the directory.")


def change_members(check: Check, changes: Sequence[Change], *, record: Record) -> None:
    """In the caller's `recording`; each member once, as they stand now. Whom nothing stands in the way of is
    changed, with an event that says how."""
    _refuse_conflicts(check, changes)
    ready = _clean(check, [change for change in changes if not change.refusals])
    taken = taken_logins(edit for _change, _said, edit in ready)
    for change, *_rest in ready:
        if change.member.pk in taken:
            login = taken[change.member.pk]
            change.refusals.append(("prefix", (_("%(address)s is a login already."), {"address": login})))
    _edit([one for one in ready if not one[0].refusals], record)


def _refuse_conflicts(check: Check, changes: Sequence[Change]) -> None:
    known = {change.member.pk: change.member for change in changes}
    wanted = wanted_by(change.facts for change in changes)
    holders = find_holders(check.imported.enterprise, wanted, check.role, known)
    for change in changes:
        change.refusals += holders.conflicts(change.facts, check.names.domains, but=change.member.pk)


def _clean(check: Check, changes: Sequence[Change]) -> list[Ready]:
    """By the rules of every door: what rows state is clean, but not always together with what they leave as it is."""
    enterprise = check.imported.enterprise
    domains = {domain.pk: domain for domain in enterprise.domains.all()}
    named = {id for change in changes for id in change.facts["departments"]}
    present = Department.objects.filter(Q(pk__in=named) | Q(parent=None), enterprise=enterprise)
    departments = {department.pk: department for department in present}
    ready = []
    for change in changes:
        said = _said_of(change.facts, departments, domains)
        try:
            ready.append((change, said, Edit(change.standing, clean_facts(enterprise, said))))
        except ValidationError as error:
            change.refusals += _words_of(error)
    return ready


def _said_of(facts: Facts, departments: Mapping[int, Department], domains: Mapping[int, Domain]) -> Said:
    """Facts as the member verbs take them. Where no department is left, the root takes the member in."""
    chosen = [departments[id] for id in facts["departments"] if id in departments]
    chosen = chosen or [one for one in departments.values() if one.parent_id is None]
    return Said(
        name=facts["name"],
        account=facts["account"],
        prefix=facts["prefix"],
        domain=domains[facts["domain"]],
        phone=facts["phone"],
        departments=chosen,
        main_department=chosen[0],
        position=facts["position"],
        activation=facts["activation"],
        aliases=[f"{local}@{domains[domain]}" for local, domain in facts["aliases"]],
    )


def _edit(ready: Sequence[Ready], record: Record) -> None:
    """All at once. Should the database refuse, which our checks rule out, the one that it means is found by halves."""
    if not ready:
        return
    try:
        with transaction.atomic():
            edit_members([edit for _change, _said, edit in ready], record=record)
    except IntegrityError:
        if len(ready) == 1:
            _edit_alone(*ready[0], record)
            return
        _read_again([edit for _change, _said, edit in ready])
        half = len(ready) // 2
        _edit(ready[:half], record)
        _edit(ready[half:], record)


def _read_again(edits: Sequence[Edit]) -> None:
    """What was refused has left its marks on them."""
    standings = read_standings(edits[0].member.enterprise, [edit.member.pk for edit in edits])
    for edit in edits:
        edit.standing = standings[edit.member.pk]


def _edit_alone(change: Change, said: Said, edit: Edit, record: Record) -> None:
    try:
        edit_member(edit.member, by=record.by, **said)
    except ValidationError as error:
        change.refusals += _words_of(error)
    except IntegrityError:
        change.refusals.append(("name", (_("The directory changed meanwhile: check this row again."), {})))


def _words_of(error: ValidationError) -> list[tuple[str, Words]]:
    return [(name, (str(one.message), one.params or {})) for name, errors in error.error_dict.items() for one in errors]
