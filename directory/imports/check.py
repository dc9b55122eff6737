"""Check every row of a file against the rules, the other rows and the directory. Writes the plan, but no member.

A row that is to become a member is in the plan alone, unless it has notes; all others are rows of the import.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import Role
from accounts.permissions import acting_role
from directory.access import departments_of, is_scoped, scope_of
from directory.imports.clashes import Clashes
from directory.imports.columns import COLUMNS, ParseContext, departments_unseparated, differing, fold
from directory.imports.preview.departments import PlannedDepartments
from directory.imports.problems import Problem, problems_of
from directory.imports.reading.headings import Heading
from directory.imports.reading.parse import Parsed, is_example, note_originals, parse_row
from directory.imports.row_files import LineReader, PlanWriter, RowFiles, StoredLine
from directory.imports.row_store import insert_import_rows, read_cells, replace_import_rows
from directory.joining.applicants import applicant_phones
from directory.members.conflicts import ClaimedValues, Claims, look_up_claims, usual_account
from directory.members.data import Labels, MemberData, refusals
from directory.models import Department, DepartmentQuerySet, Domain, Import, ImportRow, Member

CHUNK = 2000
# A merge may claim a million rows.
MERGED_ROWS_MAX = 10_000
JOIN_AGAIN = gettext_noop("They have to join again.")
CLEARABLE = [column.name for column in COLUMNS if column.is_clearable]
Verdict = ImportRow.Verdict
# The verdicts of rows about a member that exists already.
FOUND = {Verdict.UNCHANGED, Verdict.CHANGED}


@dataclass(slots=True)
class Row:
    """A row being checked, with the attributes of an ImportRow that are to be stored.

    `values` are what it states, then what the member would be; `target` is the member it is about, if there is one
    already, and `before` their data.
    """

    number: int
    cells: list[Any] | None
    parsed: Parsed
    is_skipped: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    data: MemberData | None = None
    target: Member | None = None
    before: MemberData | None = None
    verdict: str = ""
    undo: str = ""

    @property
    def facts(self) -> MemberData | None:
        return self.data if self.verdict == Verdict.CHANGED else None

    @property
    def previous(self) -> MemberData | None:
        return self.before if self.verdict == Verdict.CHANGED else None

    @property
    def member_id(self) -> int | None:
        return self.target.pk if self.target and self.verdict in FOUND else None

    @property
    def problems(self) -> list[Problem]:
        return self.parsed.problems

    @property
    def notes(self) -> list[dict[str, str]]:
        return self.parsed.notes

    @property
    def is_stored(self) -> bool:
        """False if the plan holds everything about the row."""
        return self.verdict != Verdict.NEW or bool(self.parsed.notes)


class RightsChanged(Exception):
    """The role or the scope is no longer what the check was opened with."""


@dataclass
class Check:
    """Everything that the rows of one import are checked against, for a person with `role`; None may do everything.

    Messages name only people that `reader` may see. `scope` are the departments that a scoped `role` manages, `managed`
    the paths of the topmost; `applicants` the phones of pending applications.
    """

    imported: Import
    role: Role | None
    reader: Role | None
    heading: Heading
    context: ParseContext
    labels: Labels
    scope: set[int] | None
    managed: list[str]
    applicants: Collection[str] = ()
    clashes: Clashes = field(default_factory=Clashes)
    counts: Counter[str] = field(default_factory=Counter)
    departments: PlannedDepartments = field(default_factory=PlannedDepartments)

    @property
    def is_update(self) -> bool:
        return self.imported.mode == Import.Mode.UPDATE

    def reachable_departments(self) -> DepartmentQuerySet:
        """Return the departments where the author may put members now."""
        return _departments_of(self.imported, self.role)

    def look_up(self, claims: Claims, known: dict[int, Member] | None = None) -> ClaimedValues:
        return look_up_claims(self.imported.enterprise, claims, self.reader, known)

    def require_current_rights(self) -> None:
        """Raise RightsChanged unless the person still has the same role and scope. Call it for each chunk."""
        if self.role is None:
            return
        role = acting_role(self.role.user_id, self.role.enterprise_id)
        if role is None or role.name != self.role.name or _managed_by(role) != self.managed:
            raise RightsChanged


def open_check(imported: Import, role: Role | None) -> Check:
    """Return a check with the current departments and domains, for a person with this `role`; None sees everything.

    Raises LookupError if the import's department is out of reach.
    """
    departments = _departments_of(imported, role).values_list("pk", "parent", "name", "depth")
    tree = {pk: (parent, name, depth) for pk, parent, name, depth in departments}
    if imported.department_id not in tree:
        raise LookupError
    _parent, name, depth = tree[imported.department_id]
    by_default = Domain.objects.filter(enterprise=imported.enterprise_id).order_by("-is_default", "pk")
    domains = dict(by_default.values_list("name", "pk"))
    context = ParseContext(
        region=imported.enterprise.region,
        domains=domains,
        default_domain=next(iter(domains.values())),
        department=imported.department_id,
        department_name=name,
        depth=depth,
        children={(parent, fold(name)): pk for pk, (parent, name, _depth) in tree.items() if parent},
        names={pk: name for pk, (_parent, name, _depth) in tree.items()},
        may_create=imported.create_departments,
    )
    heading = Heading(**imported.heading["columns"])
    labels = Labels({pk: name for name, pk in domains.items()}, {pk: name for pk, (_up, name, _depth) in tree.items()})
    scope = set(tree) if role and is_scoped(role) else None
    return Check(
        imported,
        role,
        _reader_of(imported, role),
        heading,
        context,
        labels,
        scope,
        _managed_by(role),
        applicant_phones(imported.enterprise_id),
    )


def check_rows(check: Check, files: RowFiles, plan: PlanWriter, *, keep: Callable[..., None]) -> None:
    """Check, count and store every row, 2,000 at a time; calls `keep` with the number in the transaction of each chunk.

    After a kill it begins again: 200,000 rows take 6 to 20 s of CPU time, less than the lease of the killed worker.
    """
    imported = check.imported
    ImportRow.objects.filter(import_job=imported).delete()
    rows = _rows(check, files.rows(after=check.heading.row, count=imported.heading["rows"]))
    while chunk := list(islice(rows, CHUNK)):
        _check_chunk(check, chunk)
        plan.write((row.number, row.verdict, row.data if row.verdict == Verdict.NEW else None) for row in chunk)
        with transaction.atomic():
            keep(checked=check.counts.total())
            insert_import_rows(imported, (row for row in chunk if row.is_stored))
    if clashing := _refuse_clashes(check, LineReader(files.path("rows")), keep):
        plan.index.refuse(clashing)
        check.departments.leave_out(clashing)


def _reader_of(imported: Import, role: Role | None) -> Role | None:
    """Return who bounds the names in messages: a department administrator reads what others do to their import."""
    author = acting_role(imported.author_id, imported.enterprise_id)
    return author if author and is_scoped(author) else role


def _managed_by(role: Role | None) -> list[str]:
    return [department.path for department in scope_of(role)] if role and is_scoped(role) else []


def _departments_of(imported: Import, role: Role | None) -> DepartmentQuerySet:
    return departments_of(role) if role else Department.objects.filter(enterprise=imported.enterprise_id)


def _rows(check: Check, lines: Iterable[StoredLine]) -> Iterator[Row]:
    """Yield the rows of data, without the template's example and rows that are blank in every known column."""
    heading = check.heading
    merged = _merged_cells(check.imported.heading.get("merges", []), heading)
    repairs, skipped_rows = check.imported.repairs, set(check.imported.skipped_rows)
    for number, cells, originals in lines:
        repaired = repairs.get(str(number), {}) if repairs else {}
        if repaired:
            cells = heading.with_repairs(cells, repaired)
        values = heading.values(cells)
        parsed = parse_row(values, check.context)
        if len(parsed.blank) == len(values) or is_example(values):
            continue
        for column in merged.get(number, ()):
            text = _("The cell is merged with others. Only the first cell contains the value.")
            parsed.refuse(column, ValidationError(text))
        if originals:
            note_originals(parsed, values, heading.by_column(originals, without=repaired))
        yield Row(number, cells, parsed, number in skipped_rows, parsed.values)


def _check_chunk(check: Check, chunk: list[Row]) -> None:
    claimed = check.look_up(_claims_of(check, chunk))
    for row in chunk:
        row.verdict = Verdict.LEFT_OUT if row.is_skipped else _check_row(check, row, claimed)
        check.counts[row.verdict] += 1
        if row.is_skipped:
            continue
        check.clashes.add(row.number, row.values, check.context.default_domain)
        if row.data and row.verdict != Verdict.REFUSED:
            check.departments.add(row.number, row.data.departments)
        if row.verdict == Verdict.NEW and row.data and row.data.phone in check.applicants:
            row.notes.append(_warning("phone", _("A join request with this phone number is waiting for approval.")))
        if row.verdict == Verdict.UNCHANGED:
            row.cells = None


def _claims_of(check: Check, chunk: list[Row]) -> Claims:
    claims, default, domains = Claims(), check.context.default_domain, check.labels.domains
    for row in chunk:
        values = row.parsed.values
        account, prefix, phone = values.get("account"), values.get("prefix"), values.get("phone")
        if account:
            claims.accounts.add(account.lower())
        if prefix:
            domain = values.get("domain", default)
            claims.addresses.add((prefix, domain))
            if not account:
                claims.accounts |= {prefix, f"{prefix}@{domains[domain]}"}
        claims.addresses.update(values.get("aliases", ()))
        if phone:
            claims.phones.add(phone)
    return claims


def _check_row(check: Check, row: Row, claimed: ClaimedValues) -> str:
    parsed = row.parsed
    row.target = _find_target(check, parsed, claimed)
    if parsed.problems:
        return Verdict.REFUSED
    row.before = claimed.data[row.target.pk] if row.target else None
    row.values = _merge(check, parsed, row.before, claimed)
    row.data = MemberData(**row.values)
    # A blank name is refused even where nothing else differs.
    if row.before and "name" not in parsed.blank and not differing(row.before, row.data):
        return Verdict.UNCHANGED
    _refuse_invalid(check, row, row.data, claimed)
    if parsed.problems:
        return Verdict.REFUSED
    if not row.target or not row.before or not check.is_update:
        return Verdict.NEW
    parsed.notes += _changes(check, row.before, row.data, row.target)
    return Verdict.CHANGED


def _refuse_invalid(check: Check, row: Row, data: MemberData, claimed: ClaimedValues) -> None:
    parsed, target = row.parsed, row.target
    own = target.pk if target and check.is_update else None
    for column, error in claimed.conflicts(data, check.labels, exclude=own):
        # Of a member who is found and may not be updated, refuse only what the row itself states.
        if own or not target or column in parsed.values:
            parsed.refuse(column, error)
        if own and column == "phone":
            hint = _("To swap two members' numbers, first clear or change one, then import again.")
            parsed.refuse(column, ValidationError(hint))
    _refuse_values(row)


def _refuse_values(row: Row) -> None:
    """Refuse values that no member may have, whatever the others hold."""
    parsed = row.parsed
    values = row.values | {"name": ""} if "name" in parsed.blank else row.values
    for column, error in refusals(values):
        parsed.refuse(column, error)


def _find_target(check: Check, parsed: Parsed, claimed: ClaimedValues) -> Member | None:
    """Return the member with the row's account, or else its address. Refuses those whom the author may not change."""
    values = parsed.values
    account, prefix = values.get("account", ""), values.get("prefix", "")
    target = claimed.find_member(account, (prefix, values.get("domain", check.context.default_domain)))
    if target and (target.deleted_at or not claimed.may_see(target.pk)):
        parsed.refuse("account" if account else "prefix", claimed.error(account or prefix, target.pk))
    return target


def _merge(check: Check, parsed: Parsed, before: MemberData | None, claimed: ClaimedValues) -> dict[str, Any]:
    """Return what the row states over what the member is, or over the defaults."""
    values = _updated(check, parsed, before) if before else check.context.defaults | parsed.values
    if not values["account"]:
        values["account"] = _choose_account(check, values, claimed)
    return values


def _updated(check: Check, parsed: Parsed, before: MemberData) -> dict[str, Any]:
    """Return the member's values as the row changes them.

    A column that is absent changes nothing; a blank cell empties a field that can be empty.
    """
    defaults = check.context.defaults
    cleared = {name: defaults[name] for name in CLEARABLE if name in parsed.blank}
    stated = {name: value for name, value in parsed.values.items() if value != ""}
    if "domain" in parsed.blank and "prefix" in stated:
        stated.setdefault("domain", defaults["domain"])
    values = before._asdict() | cleared | stated
    if check.scope is not None:
        # The member stays where the author manages nothing.
        others = [id for id in before.departments if id not in check.scope]
        values["departments"] = (*values["departments"], *others)
    return values


def _choose_account(check: Check, values: dict[str, Any], claimed: ClaimedValues) -> str:
    """Return the prefix, or if a member or an earlier row has that account, the whole address."""
    prefix: str = values["prefix"]
    is_taken = prefix in claimed.accounts or check.clashes.has_account(prefix)
    return usual_account((prefix, values["domain"]), check.labels, is_taken=is_taken) or prefix


def _changes(check: Check, before: MemberData, after: MemberData, member: Member) -> list[dict[str, str]]:
    changes = []
    for column in differing(before, after):
        old, new = (column.show(getattr(data, column.name), check.labels) for data in (before, after))
        changes.append({"kind": "change", "column": column.name, "from": old, "to": new})
    if before.phone != after.phone and member.status == Member.Status.ACTIVE:
        changes.append(_warning("phone", JOIN_AGAIN))
    return changes


def _warning(column: str, text: str) -> dict[str, str]:
    return {"kind": "warning", "column": column, "from": "", "to": text}


def _refuse_clashes(check: Check, lines: LineReader, keep: Callable[..., None]) -> set[int]:
    """Refuse all rows that clash within the file, or list departments of other rows, and return their numbers.

    They stay in the plan, but what is refused is not applied.
    """
    problems = check.clashes.problems(check.labels)
    for number in check.departments.lists(check.context):
        problems[number] += problems_of("departments", departments_unseparated())
    numbers = sorted(problems)
    for start in range(0, len(numbers), CHUNK):
        rows = _stored_rows(check, numbers[start : start + CHUNK], lines)
        for row in rows:
            check.counts[row.verdict] -= 1
            check.counts[Verdict.REFUSED] += 1
            row.verdict, row.member_id, row.facts, row.previous = Verdict.REFUSED, None, None, None
            row.problems += problems[row.number]
        with transaction.atomic():
            keep()
            replace_import_rows(check.imported, rows)
    return set(numbers)


def _stored_rows(check: Check, numbers: Sequence[int], lines: LineReader) -> list[ImportRow]:
    """Return these rows with their cells, whether they are stored or only planned."""
    found = {row.number: row for row in ImportRow.objects.filter(import_job=check.imported, number__in=numbers)}
    missing = [number for number in numbers if number not in found or not found[number].cells]
    for number, cells in read_cells(check.imported, check.heading, lines, missing).items():
        new = ImportRow(import_job=check.imported, number=number, verdict=Verdict.NEW)
        found.setdefault(number, new).cells = cells
    return [found[number] for number in numbers]


def _merged_cells(merges: Iterable[str], heading: Heading) -> dict[int, set[str]]:
    """Return the columns that lie below a merge, by row number."""
    columns = {index + 1: name for name, index in heading.indexes.items()}
    found: dict[int, set[str]] = defaultdict(set)
    for merge in merges:
        first, _colon, last = merge.partition(":")
        (left, top), (right, bottom) = _position(first), _position(last or first)
        touched = {name for column, name in columns.items() if left <= column <= right}
        if bottom <= heading.row or not touched:
            continue
        for number in range(max(top, heading.row + 1), min(bottom, top + MERGED_ROWS_MAX) + 1):
            found[number] |= touched
    return found


def _position(reference: str) -> tuple[int, int]:
    """Return column and row of a reference such as B12; lenient, for it comes from the file."""
    letters = reference.rstrip("0123456789")
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - 64
    return column, int(reference[len(letters) :] or 0)
