"""Every row of a file against the rules, the other rows and the directory. Writes the plan, no member.

A row that is to become a member stands in the plan alone, unless it was tidied; all others are rows of the import.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import Role
from core.bulk_sql import insert_rows
from directory.access import departments_of, is_scoped
from directory.domains.addresses import ACCOUNT_MAX
from directory.imports.columns import Around, Facts, Heading, Names, Parsed, fold, is_example, parse_row
from directory.imports.conflicts import Holders, Wanted, find_holders, is_same
from directory.imports.problems import Problem, Words, problem_of
from directory.imports.row_files import Draft, Picker, Spool
from directory.joining.applicants import applicant_phones
from directory.models import Department, DepartmentQuerySet, Domain, Import, ImportRow, Member
from sms.phones import show_phone

CHUNK = 2000
ROWS_NAMED_MAX = 10
JOIN_AGAIN = gettext_noop("They will have to join again.")
PHONE = str(Member.Activation.PHONE)
Verdict = ImportRow.Verdict
ROW_COLUMNS = (
    "import_job_id",
    "number",
    "verdict",
    "cells",
    "facts",
    "problems",
    "notes",
    "member_id",
    "previous",
    "undo",
)


@dataclass(slots=True)
class Row:
    """A row on its way to its verdict."""

    number: int
    cells: list[Any]
    parsed: Parsed
    is_skipped: bool = False
    facts: Facts | None = None
    previous: Facts | None = None
    member: int | None = None
    verdict: str = ""

    @property
    def problems(self) -> list[Problem]:
        return self.parsed.problems

    @property
    def is_plain(self) -> bool:
        """The plan says all there is to say of it."""
        return self.verdict == Verdict.NEW and not self.parsed.notes


@dataclass
class Check:
    """All that the rows of one import are held against. `seen` knows each key's first row, `clashes` all its rows,
    `by_alias` which rows want the key's address as an alias."""

    imported: Import
    role: Role | None
    heading: Heading
    around: Around
    names: Names
    scope: set[int] | None
    # Phones with which somebody waits to be let in.
    applicants: Collection[str] = ()
    seen: dict[str, int] = field(default_factory=dict)
    clashes: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    by_alias: set[tuple[str, int]] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def is_update(self) -> bool:
        return self.imported.mode == Import.Mode.UPDATE


def open_check(imported: Import, role: Role | None) -> Check:
    """With the tree and the domains as they are now. `role` is the author's; none sees everything."""
    tree = list(_departments_of(imported, role).values_list("pk", "parent", "name", "depth"))
    chosen = next((one for one in tree if one[0] == imported.department_id), None)
    if chosen is None:
        raise LookupError
    domains = dict(Domain.objects.filter(enterprise=imported.enterprise_id).values_list("name", "pk"))
    default = Domain.objects.filter(enterprise=imported.enterprise_id).order_by("-is_default", "pk")[0]
    around = Around(
        region=imported.enterprise.region,
        domains=domains,
        default_domain=default.pk,
        department=chosen[0],
        department_name=chosen[2],
        depth=chosen[3],
        children={(parent, fold(name)): pk for pk, parent, name, _depth in tree if parent},
        may_create=imported.create_departments,
    )
    heading = Heading(**imported.heading["columns"])
    names = Names({pk: name for name, pk in domains.items()}, {pk: name for pk, _parent, name, _depth in tree})
    scope = {pk for pk, *_rest in tree} if role and is_scoped(role) else None
    return Check(imported, role, heading, around, names, scope, applicant_phones(imported.enterprise_id))


def departments_for(check: Check) -> DepartmentQuerySet:
    """Where the author may put members, as the tree stands now."""
    return _departments_of(check.imported, check.role)


def check_rows(check: Check, spool: Spool, draft: Draft, *, keep: Callable[[], None]) -> None:
    """Every row of data judged, counted and written down; 2,000 at a time, `keep` in the transaction of each."""
    imported = check.imported
    ImportRow.objects.filter(import_job=imported).delete()
    rows = _rows(check, spool.rows())
    while chunk := list(islice(rows, CHUNK)):
        _judge_chunk(check, chunk)
        draft.write((row.number, row.facts) for row in chunk if row.verdict == Verdict.NEW and row.facts)
        with transaction.atomic():
            keep()
            insert_rows(ImportRow, ROW_COLUMNS, (_as_stored(imported, row) for row in chunk if not row.is_plain))
    _refuse_clashes(check, Picker(spool.path("rows")))


def _departments_of(imported: Import, role: Role | None) -> DepartmentQuerySet:
    return departments_of(role) if role else Department.objects.filter(enterprise=imported.enterprise_id)


def _rows(check: Check, lines: Iterable[tuple[int, list[Any]]]) -> Iterator[Row]:
    """What the template shows as an example and what is blank in every known column is no row."""
    merged = _merged_cells(check.imported.heading.get("merges", []), check.heading)
    repairs, skipped_rows = check.imported.repairs, set(check.imported.skipped_rows)
    for number, cells in lines:
        if number <= check.heading.row:
            continue
        values = check.heading.values(cells)
        if repairs and str(number) in repairs:
            values |= repairs[str(number)]
            cells = with_repairs(check.heading, cells, repairs[str(number)])
        parsed = parse_row(values, check.around)
        if len(parsed.blank) == len(values) or is_example(values):
            continue
        for column in merged.get(number, ()):
            parsed.refuse(column, _("The cell is merged with others: only the first of them holds the value."))
        yield Row(number, cells, parsed, is_skipped=number in skipped_rows)


def _judge_chunk(check: Check, chunk: list[Row]) -> None:
    for row in chunk:
        _settle_address(row.parsed, check.around)
    holders = find_holders(check.imported.enterprise, _wanted(check, chunk), check.role)
    for row in chunk:
        if row.is_skipped:
            row.verdict = Verdict.LEFT_OUT
        else:
            row.verdict = _judge(check, row, holders)
            _note_keys(check, row)
            if row.verdict == Verdict.NEW and row.facts and row.facts["phone"] in check.applicants:
                row.parsed.notes.append(_warning("phone", _("With this phone an application waits for approval.")))
        check.counts[row.verdict] += 1


def _settle_address(parsed: Parsed, around: Around) -> None:
    """Prefix and domain apart, wherever the domain was said."""
    facts = parsed.facts
    if "prefix" in facts:
        facts["prefix"], said = facts["prefix"]
        if said and facts.setdefault("domain", said) != said:
            parsed.refuse("domain", _("The mailbox prefix names another domain."))
    if "aliases" in facts:
        default = facts.get("domain", around.default_domain)
        facts["aliases"] = [[local, said or default] for local, said in facts["aliases"]]


def _wanted(check: Check, chunk: list[Row]) -> Wanted:
    wanted, default = Wanted(), check.around.default_domain
    for row in chunk:
        facts = row.parsed.facts
        if facts.get("account"):
            wanted.accounts.add(facts["account"].lower())
        if "prefix" in facts:
            domain = facts.get("domain", default)
            wanted.mailboxes.add((domain, facts["prefix"]))
            if not facts.get("account"):
                wanted.accounts |= {facts["prefix"], f"{facts['prefix']}@{check.names.domains[domain]}"}
        wanted.mailboxes.update((domain, local) for local, domain in facts.get("aliases", ()))
        if facts.get("phone"):
            wanted.phones.add(facts["phone"])
    return wanted


def _judge(check: Check, row: Row, holders: Holders) -> str:
    target = _target(check, row, holders)
    if row.problems:
        return Verdict.REFUSED
    facts = _facts(check, row.parsed, target, holders)
    row.facts = facts
    # A blank name is wrong whatever else the row says.
    is_named = "name" not in row.parsed.blank
    stands = holders.facts[target.pk] if target else {}
    if target and is_named and all(is_same(column, facts[column], value) for column, value in stands.items()):
        row.member = target.pk
        return Verdict.UNCHANGED
    is_known = target is not None and check.is_update
    for column, words in holders.conflicts(facts, check.names.domains, but=target.pk if target and is_known else None):
        # A member found to differ is told by what the row itself says.
        if not target or is_known or column in row.parsed.facts:
            row.parsed.refuse(column, *words)
    _refuse_what_is_missing(check, row, facts, is_new=not is_known)
    if row.problems:
        return Verdict.REFUSED
    if not target or not is_known:
        return Verdict.NEW
    row.member, row.previous = target.pk, stands
    row.parsed.notes += _changes(check, row.previous, facts, target)
    return Verdict.CHANGED


def _target(check: Check, row: Row, holders: Holders) -> Member | None:
    """Whom the row is about: known by account, else by address. Refuses whom the author may not change."""
    facts = row.parsed.facts
    id: int | str | None = holders.accounts.get(facts["account"].lower()) if facts.get("account") else None
    if id is None and "prefix" in facts:
        id = holders.mailboxes.get((facts.get("domain", check.around.default_domain), facts["prefix"]))
    target = holders.members.get(id) if isinstance(id, int) else None
    if target and (target.deleted_at or not holders.sees(target.pk)):
        what = facts.get("account") or facts["prefix"]
        row.parsed.refuse("account" if facts.get("account") else "prefix", *holders.words(what, target.pk))
    return target


def _facts(check: Check, parsed: Parsed, target: Member | None, holders: Holders) -> Facts:
    """What the member will be: what the row states, over what they are or what is usual. A column that is absent
    changes nothing; a blank cell clears what may be blank."""
    around, stated, blank = check.around, parsed.facts, parsed.blank
    facts = holders.facts[target.pk].copy() if target else _usual(around)
    if target:
        cleared: Facts = {"phone": None, "position": "", "departments": [around.department], "aliases": []}
        facts |= {column: value for column, value in cleared.items() if column in blank}
    if "domain" in blank and "prefix" in stated:
        facts["domain"] = around.default_domain
    facts |= {column: value for column, value in stated.items() if value != ""} if "" in stated.values() else stated
    if target and check.scope is not None:
        others = [id for id in holders.facts[target.pk]["departments"] if id not in check.scope]
        facts["departments"] = [*facts["departments"], *others]
    if not target and not facts["account"]:
        facts["account"] = _usual_account(check, facts, holders)
    return facts


def _usual(around: Around) -> Facts:
    return {
        "name": "",
        "account": "",
        "prefix": "",
        "domain": around.default_domain,
        "phone": None,
        "departments": [around.department],
        "position": "",
        "activation": PHONE,
        "aliases": [],
    }


def _usual_account(check: Check, facts: Facts, holders: Holders) -> str:
    """The prefix, and if a member or an earlier row has that, the whole address."""
    prefix = facts["prefix"]
    if prefix not in holders.accounts and f"account:{prefix}" not in check.seen:
        return str(prefix)
    address = f"{prefix}@{check.names.domains[facts['domain']]}"
    return address if len(address) <= ACCOUNT_MAX else str(prefix)


def _refuse_what_is_missing(check: Check, row: Row, facts: Facts, *, is_new: bool) -> None:
    parsed = row.parsed
    if not facts["name"] or "name" in parsed.blank:
        parsed.refuse("name", _("Enter the name."))
    if not facts["prefix"]:
        parsed.refuse("prefix", _("Enter the mailbox prefix."))
    if facts["activation"] == Member.Activation.PHONE and not facts["phone"]:
        parsed.refuse("phone", _("Enter the phone: the member joins with it."))
    if [facts["prefix"], facts["domain"]] in facts["aliases"]:
        parsed.refuse("aliases", _("%(alias)s is the mailbox itself, not an alias."), {"alias": facts["prefix"]})


def _changes(check: Check, before: Facts, after: Facts, member: Member) -> list[dict[str, str]]:
    changes = []
    for column, old in before.items():
        if not is_same(column, old, after[column]):
            change = {"kind": "change", "column": column, "from": _show(check, column, old)}
            changes.append(change | {"to": _show(check, column, after[column])})
    if before["phone"] != after["phone"] and member.status == Member.Status.ACTIVE:
        changes.append(_warning("phone", JOIN_AGAIN))
    return changes


def _warning(column: str, text: str) -> dict[str, str]:
    return {"kind": "warning", "column": column, "from": "", "to": text}


def _show(check: Check, column: str, value: Any) -> str:
    match column:
        case "phone":
            return show_phone(value)
        case "domain":
            return check.names.domains[value]
        case "departments":
            return "; ".join(one if isinstance(one, str) else check.names.paths.get(one, "…") for one in value)
        case "aliases":
            return "; ".join(f"{local}@{check.names.domains[domain]}" for local, domain in value)
        case "activation":
            return str(Member.Activation(value).label)
    return str(value)


def _note_keys(check: Check, row: Row) -> None:
    """Rows that are wrong hold on to their phone and address too: which of two is right only a person knows."""
    facts = row.facts or row.parsed.facts
    keys = [f"phone:{facts['phone']}"] if facts.get("phone") else []
    if facts.get("account"):
        keys.append(f"account:{facts['account'].lower()}")
    if facts.get("prefix"):
        keys.append(f"prefix:{facts.get('domain', check.around.default_domain)}:{facts['prefix']}")
    for local, domain in facts.get("aliases", ()):
        key = f"prefix:{domain}:{local}"
        if key not in keys:
            check.by_alias.add((key, row.number))
            keys.append(key)
    for key in keys:
        first = check.seen.setdefault(key, row.number)
        if first != row.number:
            check.clashes[key] = [*(check.clashes.get(key) or [first]), row.number]


def _refuse_clashes(check: Check, cells: Picker) -> None:
    """Of rows that clash within the file all are refused, and each names the others. The plan has them still: what is
    refused is not applied."""
    told: dict[int, list[Problem]] = defaultdict(list)
    for key, numbers in check.clashes.items():
        column, _colon, what = key.partition(":")
        for number in numbers:
            others = [other for other in numbers[: ROWS_NAMED_MAX + 1] if other != number][:ROWS_NAMED_MAX]
            where = "aliases" if (key, number) in check.by_alias else column
            told[number].append(problem_of(where, *_clash_words(column, what, others, check), others))
    numbers = sorted(told)
    for start in range(0, len(numbers), CHUNK):
        chunk = _rows_of(check, numbers[start : start + CHUNK], cells)
        for row in chunk:
            check.counts[row.verdict] -= 1
            check.counts[Verdict.REFUSED] += 1
            row.verdict, row.member_id, row.facts, row.previous = Verdict.REFUSED, None, None, None
            row.problems += told[row.number]
        rewrite_rows(check.imported, chunk)


def _rows_of(check: Check, numbers: Sequence[int], cells: Picker) -> list[ImportRow]:
    """Those written down already, and those that were only planned."""
    found = {row.number: row for row in ImportRow.objects.filter(import_job=check.imported, number__in=numbers)}
    read = read_cells(check, cells, [number for number in numbers if number not in found or not found[number].cells])
    for number in read:
        found.setdefault(number, ImportRow(import_job=check.imported, number=number, verdict=Verdict.NEW)).cells = read[
            number
        ]
    return [found[number] for number in numbers]


def read_cells(check: Check, cells: Picker, numbers: Sequence[int]) -> dict[int, list[Any]]:
    """As uploaded, with repairs."""
    repairs = check.imported.repairs
    found = {number: values for number, (values,) in cells.pick(numbers).items()}
    for number in found:
        if str(number) in repairs:
            found[number] = with_repairs(check.heading, found[number], repairs[str(number)])
    return found


def _clash_words(column: str, what: str, others: Sequence[int], check: Check) -> Words:
    if column == "phone":
        shown = show_phone(what)
    elif column == "prefix":
        domain, _colon, local = what.partition(":")
        shown = f"{local}@{check.names.domains[int(domain)]}"
    else:
        shown = what
    rows = ", ".join(str(number) for number in others)
    return _("%(what)s stands in row %(rows)s of this file too."), {"what": shown, "rows": rows}


def rewrite_rows(imported: Import, rows: Sequence[ImportRow]) -> None:
    """Faster than as many updates."""
    ImportRow.objects.filter(import_job=imported, number__in=[row.number for row in rows]).delete()
    insert_rows(
        ImportRow,
        ROW_COLUMNS,
        (
            (
                imported.pk, row.number, str(row.verdict), as_json(row.cells), as_json(row.facts),
                as_json(row.problems), as_json(row.notes), row.member_id, as_json(row.previous), row.undo,
            )
            for row in rows
        ),
    )  # fmt: skip


def _as_stored(imported: Import, row: Row) -> tuple[Any, ...]:
    """Of a row that changes nothing only that; facts stand in the plan but for a change."""
    is_changed, is_same_as_before = row.verdict == Verdict.CHANGED, row.verdict == Verdict.UNCHANGED
    return (
        imported.pk, row.number, str(row.verdict), as_json(None if is_same_as_before else row.cells),
        as_json(row.facts if is_changed else None), as_json(row.problems), as_json(row.parsed.notes), row.member,
        as_json(row.previous), "",
    )  # fmt: skip


def as_json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode() if value else "[]"


def with_repairs(heading: Heading, cells: Sequence[Any], repaired: Mapping[str, Any]) -> list[Any]:
    wide = [*cells, *[""] * (max(heading.places.values()) + 1 - len(cells))]
    for column, text in repaired.items():
        wide[heading.places[column]] = text
    return wide


def _merged_cells(merges: Iterable[str], heading: Heading) -> dict[int, set[str]]:
    """Rows of data to the columns that lie below a merge; capped, for a merge may claim a million rows."""
    columns = {place + 1: name for name, place in heading.places.items()}
    found: dict[int, set[str]] = defaultdict(set)
    for merge in merges:
        first, _colon, last = merge.partition(":")
        (left, top), (right, bottom) = _place(first), _place(last or first)
        touched = {name for column, name in columns.items() if left <= column <= right}
        if bottom <= heading.row or not touched:
            continue
        for number in range(max(top, heading.row + 1), min(bottom, top + 10_000) + 1):
            found[number] |= touched
    return found


def _place(reference: str) -> tuple[int, int]:
    letters = reference.rstrip("0123456789")
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - 64
    return column, int(reference[len(letters) :] or 0)
