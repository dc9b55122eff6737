"""Keep `Department.members_below`, the number of members in a department and below."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

from django.db.models import F
from django.db.models.functions import Greatest

from directory.models import Department, Membership


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
