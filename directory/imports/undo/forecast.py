"""Count beforehand what an undo of an import takes back, and what it keeps.

One statement counts all rows by the state of their members. Only members who were edited since the import, as the audit
log says, are compared with what the import wrote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.db.models import BigIntegerField, Case, CharField, Count, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Cast

from accounts.models import AuditEvent, Role
from directory.access import is_scoped, members_of
from directory.imports.columns import differing
from directory.imports.row_files import RowFiles
from directory.imports.undo.counts import KeptBecause, UndoCounts
from directory.joining.activation_codes import ACTIVE as ACTIVE_CODE
from directory.joining.invitations import open_invitations
from directory.members.bulk_update import read_members
from directory.members.data import MemberData
from directory.models import ActivationCode, Import, ImportRow, Member

# Beyond this many edited members, the log is believed without a look: an edit that was taken back counts as one.
COMPARED_MAX = 2000
CHUNK = 500
# A member restored from the bin may have lost a phone or a department that are gone.
EDITS = ("member_edited", "member_restored")
Verdict = ImportRow.Verdict
# These reasons to keep a row come before an edit.
BEFORE_EDITED = {KeptBecause.GONE, KeptBecause.LOST}


def forecast_undo(imported: Import, role: Role) -> UndoCounts:
    """Return what an undo by `role` would do now. Values that others have taken since are found only by the undo."""
    rows = _rows_to_undo(imported).annotate(reason=_reason(role))
    found = rows.order_by().values_list("verdict", "reason").annotate(Count("pk"))
    counts = Counter({(verdict, reason): count for verdict, reason, count in found})
    for _number, verdict, reason in _edited(imported, rows):
        counts[verdict, reason] -= 1
        counts[verdict, KeptBecause.EDITED] += 1
    created = members_of(role).filter(pk__in=imported.created_member_ids())
    forecast = UndoCounts(withdrawn=open_invitations(created).count())
    forecast.removed, forecast.reverted = counts[Verdict.CREATED, ""], counts[Verdict.UPDATED, ""]
    for (_verdict, reason), count in counts.items():
        if reason:
            forecast.kept[str(reason)] += count
    return forecast


def _rows_to_undo(imported: Import) -> QuerySet[ImportRow]:
    return imported.rows.filter(verdict__in=[Verdict.CREATED, Verdict.UPDATED], undo="")


def _reason(role: Role) -> Case:
    """Return the reason to keep each row, "" if there is none, as far as the state of its member says."""
    gone = Q(member__created_at=None) | Q(member__deleted_at__isnull=False)
    if is_scoped(role):
        gone |= ~Q(member__in=members_of(role).values("pk"))
    codes = ActivationCode.objects.filter(ACTIVE_CODE, member=OuterRef("member"))
    return Case(
        When(gone, then=Value(KeptBecause.GONE.value)),
        When(Q(verdict=Verdict.UPDATED, previous=None), then=Value(KeptBecause.LOST.value)),
        When(verdict=Verdict.UPDATED, then=Value("")),
        When(member__status=Member.Status.ACTIVE, then=Value(KeptBecause.JOINED.value)),
        When(member__status=Member.Status.DISABLED, then=Value(KeptBecause.DISABLED.value)),
        When(member__invited_at__isnull=False, then=Value(KeptBecause.INVITED.value)),
        When(Q(member__activation=Member.Activation.CODE) & Exists(codes), then=Value(KeptBecause.CODE.value)),
        default=Value(""),
        output_field=CharField(),
    )


def _edited(imported: Import, rows: QuerySet[ImportRow]) -> list[tuple[int, str, str]]:
    """Return number, verdict and reason of the rows whose members were edited and differ from what was written."""
    # An update is recorded as an edit of its own.
    by_others = Q(verdict=Verdict.CREATED, member__in=_edited_ids(imported, 1)) | Q(
        verdict=Verdict.UPDATED, member__in=_edited_ids(imported, 2)
    )
    found = rows.filter(by_others, ~Q(reason__in=BEFORE_EDITED)).order_by("number")
    edited = list(found.values_list("number", "verdict", F("reason")))
    if len(edited) > COMPARED_MAX:
        return edited
    differing_rows = _differing(imported, [number for number, *_rest in edited])
    return [row for row in edited if row[0] in differing_rows]


def _edited_ids(imported: Import, times: int) -> QuerySet[AuditEvent, int]:
    """Return the ids of members who were edited at least so many times since the import started."""
    events = AuditEvent.objects.filter(enterprise=imported.enterprise_id)
    start = events.filter(action="import_started", target_id=str(imported.pk)).values_list("number", flat=True).first()
    edits = events.filter(action__in=EDITS, number__gt=start or 0).values("target_id")
    often = edits.annotate(times=Count("number")).filter(times__gte=times)
    return often.annotate(edited=Cast("target_id", BigIntegerField())).values_list("edited", flat=True)


def _differing(imported: Import, numbers: Sequence[int]) -> set[int]:
    files, found = RowFiles(imported.stored), set()
    for start in range(0, len(numbers), CHUNK):
        rows = list(imported.rows.filter(number__in=numbers[start : start + CHUNK]))
        written = read_written(rows, files)
        members = read_members(imported.enterprise, [row.member_id for row in rows if row.member_id])
        for row in rows:
            _member, current = members.get(row.member_id or 0, (None, None))
            if current and row.number in written and differing(current, written[row.number]):
                found.add(row.number)
    return found


def read_written(rows: Sequence[ImportRow], files: RowFiles) -> dict[int, MemberData]:
    """Return what the import wrote, by row number: of new members mostly what the plan says."""
    planned = files.planned_rows([row.number for row in rows if row.facts is None and row.verdict == Verdict.CREATED])
    return planned | {row.number: MemberData.from_row(row.facts) for row in rows if row.facts is not None}
