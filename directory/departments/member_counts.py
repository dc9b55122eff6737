"""Keep `Department.members_below`, the number of members in a department and below."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping

from django.db.models import F
from django.db.models.functions import Greatest

from directory.models import Department, Membership


def move_counts(*, before: Iterable[Department] = (), after: Iterable[Department] = ()) -> None:
    """Count a member who leaves the departments `before` and joins `after`, in the caller's transaction.

    A member of two departments counts once in those above both. The paths are read again, because the departments may
    have been moved before the caller got the enterprise's lock.
    """
    ids_of = [{one.pk for one in before}, {one.pk for one in after}]
    paths = Department.objects.filter(pk__in=set().union(*ids_of)).only("path")
    above = {one.pk: one.ids_above for one in paths}
    left, entered = ({pk for one in ids for pk in above.get(one, ())} for ids in ids_of)
    if left - entered:
        Department.objects.filter(pk__in=left - entered).update(members_below=Greatest(F("members_below") - 1, 0))
    if entered - left:
        Department.objects.filter(pk__in=entered - left).update(members_below=F("members_below") + 1)


def shift_counts(members: Collection[int], by: int) -> None:
    """Add these members of one enterprise to the counts of their departments (`by` 1), or subtract them (-1)."""
    above: dict[int, set[int]] = defaultdict(set)
    for member, path in Membership.objects.filter(member__in=members).values_list("member", "department__path"):
        above[member].update(map(int, path.split("/")[:-1]))
    moved = Counter(pk for departments in above.values() for pk in departments)
    add_to_counts({department: by * number for department, number in moved.items()})


def add_to_counts(moved: Mapping[int, int]) -> None:
    """Add to each department's count, by id, in the caller's transaction."""
    by_number: dict[int, list[int]] = defaultdict(list)
    for department, number in moved.items():
        if number:
            by_number[number].append(department)
    for number, departments in by_number.items():
        count = Greatest(F("members_below") + number, 0)
        Department.objects.filter(pk__in=departments).update(members_below=count)
