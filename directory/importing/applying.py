"""The rows of a checked import become members: in chunks, each one transaction under the enterprise's lock.

What a chunk did and how far the import has come are committed together, so that a worker killed at any moment leaves
nothing half done and the next one goes on behind the last chunk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.db import IntegrityError, connection, transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from accounts.audit import Actor, recording
from directory.bulk import NewMember, insert_members
from directory.departments import DepartmentRefused, add_department
from directory.importing.checking import CHUNK, Check
from directory.importing.columns import Facts, fold
from directory.importing.holders import Holders, facts_of, find_holders, is_same, load_members, wanted_by
from directory.importing.lease import Lease
from directory.member_facts import MemberRefused, Said
from directory.members import edit_member
from directory.models import Department, Domain, Import, ImportRow, Member

# An edit is a dozen statements: so many keep the lock no longer than a chunk of new members does.
EDITS = 100
Verdict = ImportRow.Verdict


def apply_rows(check: Check, *, by: Actor, lease: Lease) -> None:
    """All rows that wait. Stops where the import was cancelled or the lease was lost."""
    while apply_chunk(check, by=by, lease=lease):
        pass


def apply_chunk(check: Check, *, by: Actor, lease: Lease) -> bool:
    """The next rows in one transaction; False when there is nothing more to do."""
    with recording(check.imported.enterprise, by=by):
        imported = lease.hold()
        if imported.state != Import.State.APPLYING:
            return False
        rows = _next_rows(imported)
        if not rows:
            return False
        _apply(check, rows, by)
        imported.position = rows[-1].number
        imported.applied += len(rows)
        imported.save(update_fields=["position", "applied"])
    return True


def recount(imported: Import) -> None:
    """The counts as the rows now stand."""
    found = ImportRow.objects.filter(of=imported).values_list("verdict").annotate(Count("pk"))
    counts = Counter(dict(found))
    planned = imported.state in {Import.State.CHECKING, Import.State.READY, Import.State.APPLYING}
    imported.read = counts.total()
    imported.created = counts[Verdict.CREATED] + (counts[Verdict.NEW] if planned else 0)
    imported.updated = counts[Verdict.UPDATED] + (counts[Verdict.CHANGED] if planned else 0)
    imported.unchanged, imported.refused = counts[Verdict.UNCHANGED], counts[Verdict.REFUSED]
    imported.left_out = counts[Verdict.LEFT_OUT]


def _next_rows(imported: Import) -> list[ImportRow]:
    waiting = ImportRow.objects.filter(of=imported, verdict__in=[Verdict.NEW, Verdict.CHANGED])
    rows = list(waiting.filter(number__gt=imported.position).order_by("number").defer("cells", "notes")[:CHUNK])
    edits = [place for place, row in enumerate(rows) if row.verdict == Verdict.CHANGED]
    return rows[: edits[EDITS]] if len(edits) > EDITS else rows


def _apply(check: Check, rows: list[ImportRow], by: Actor) -> None:
    _settle_departments(check, rows, by)
    good = [row for row in rows if row.verdict != Verdict.REFUSED]
    new = [row for row in good if row.verdict == Verdict.NEW]
    _create(check, new)
    members = load_members([row.member_id for row in good if row.member_id and row.verdict == Verdict.CHANGED])
    for row in good:
        if row.verdict == Verdict.CHANGED:
            _update(check, row, members.get(row.member_id or 0), by)
    _note_outcomes(check.imported, rows)


def _create(check: Check, rows: Sequence[ImportRow]) -> None:
    """Whatever was taken since the preview is refused now, by name of who took it."""
    holders = find_holders(check.imported.enterprise, wanted_by(row.facts for row in rows), check.role)
    free = [row for row in rows if not _refuse_conflicts(check, row, holders)]
    try:
        with transaction.atomic():
            ids = insert_members(check.imported.enterprise, [_new_member(check.imported, row) for row in free])
    except IntegrityError:
        _create_one_by_one(check, free)
        return
    for row, id in zip(free, ids, strict=True):
        row.verdict, row.member_id = Verdict.CREATED, id


def _create_one_by_one(check: Check, rows: Sequence[ImportRow]) -> None:
    """The database's last word, which can only be about a row that our checks misjudged."""
    for row in rows:
        try:
            with transaction.atomic():
                (row.member_id,) = insert_members(check.imported.enterprise, [_new_member(check.imported, row)])
            row.verdict = Verdict.CREATED
        except IntegrityError:
            _refuse(row, "name", _("The directory changed meanwhile: check this row again."))


def _note_outcomes(imported: Import, rows: Sequence[ImportRow]) -> None:
    created = [row for row in rows if row.verdict == Verdict.CREATED]
    others = [row for row in rows if row.verdict != Verdict.CREATED]
    _note_created(imported, [row.number for row in created], [row.member_id for row in created])
    ImportRow.objects.bulk_update(others, ["verdict", "facts", "problems", "previous"], batch_size=EDITS)


def _note_created(imported: Import, numbers: list[int], members: list[int | None]) -> None:
    """One statement on PostgreSQL: of all that an import does to a row this is done most."""
    table = ImportRow._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"UPDATE {table} SET verdict = %s, member_id = made.member"  # noqa: S608 - our own table's name
                " FROM unnest(%s::int[], %s::bigint[]) AS made(number, member)"
                f" WHERE of_id = %s AND {table}.number = made.number",
                [str(Verdict.CREATED), numbers, members, imported.pk],
            )
            return
        cursor.executemany(
            f"UPDATE {table} SET verdict = %s, member_id = %s WHERE of_id = %s AND number = %s",  # noqa: S608
            [
                (str(Verdict.CREATED), member, imported.pk, number)
                for number, member in zip(numbers, members, strict=True)
            ],
        )


def _new_member(imported: Import, row: ImportRow) -> NewMember:
    facts: Facts = row.facts
    return NewMember(
        name=facts["name"],
        account=facts["account"],
        prefix=facts["prefix"],
        domain=facts["domain"],
        phone=facts["phone"],
        departments=facts["departments"],
        position=facts["position"],
        activation=facts["activation"],
        aliases=[(local, domain) for local, domain in facts["aliases"]],
        origin={"by": imported.author_name, "import": imported.pk, "file": imported.file_name, "row": row.number},
    )


def _update(check: Check, row: ImportRow, member: Member | None, by: Actor) -> None:
    """Only what the row states anew: what others changed meanwhile in other columns stays."""
    if not member or member.deleted_at:
        _refuse(row, "account", _("The member is no longer in the directory."))
        return
    stated = {column: value for column, value in row.facts.items() if not is_same(column, value, row.previous[column])}
    row.previous = facts_of(member)
    row.facts = row.previous | stated
    try:
        edit_member(member, by=by, **said_of(check, row.facts))
    except MemberRefused as refused:
        for column, texts in refused.errors.items():
            _refuse(row, column, " ".join(texts))
        return
    row.verdict = Verdict.UPDATED


def said_of(check: Check, facts: Facts) -> Said:
    """Facts as the member verbs take them."""
    departments = Department.objects.in_bulk(facts["departments"])
    domains = check.names.domains
    chosen = [departments[id] for id in facts["departments"] if id in departments]
    return Said(
        name=facts["name"],
        account=facts["account"],
        prefix=facts["prefix"],
        domain=Domain.objects.get(pk=facts["domain"]),
        phone=facts["phone"],
        departments=chosen,
        main_department=chosen[0] if chosen else None,
        position=facts["position"],
        activation=facts["activation"],
        aliases=[f"{local}@{domains[domain]}" for local, domain in facts["aliases"]],
    )


def _refuse_conflicts(check: Check, row: ImportRow, holders: Holders) -> bool:
    for column, text in holders.conflicts(row.facts, check.names.domains):
        _refuse(row, column, text)
    return row.verdict == Verdict.REFUSED


def _refuse(row: ImportRow, column: str, text: str) -> None:
    row.verdict = Verdict.REFUSED
    row.problems = [*row.problems, {"column": column, "text": text}]


def _settle_departments(check: Check, rows: Sequence[ImportRow], by: Actor) -> None:
    """Paths become departments, made on first need; one deleted since the preview refuses its rows."""
    grown: dict[str, int | None] = {}
    for row in rows:
        places = row.facts["departments"]
        for path in places:
            if isinstance(path, str) and path not in grown:
                grown[path] = _grow(check, path, by)
        row.facts["departments"] = list(dict.fromkeys(grown[one] if isinstance(one, str) else one for one in places))
    named = {id for row in rows for id in row.facts["departments"]}
    present = set(Department.objects.filter(pk__in=named - {None}).values_list("pk", flat=True))
    for row in rows:
        if not present.issuperset(row.facts["departments"]):
            _refuse(row, "departments", _("One of these departments no longer exists."))


def _grow(check: Check, path: str, by: Actor) -> int | None:
    """The department at the end of the path, below the chosen one; None if the way there is gone."""
    at = Department.objects.select_related("enterprise").filter(pk=check.around.department).first()
    for name in path.split("/"):
        below = {fold(child.name): child for child in at.children.select_related("enterprise")} if at else {}
        try:
            at = below.get(fold(name)) or (at and add_department(at, name=name, by=by))
        except DepartmentRefused:
            return None
    return at.pk if at else None
