"""Count members that a test moves by hand."""

from collections import Counter
from collections.abc import Iterable

from directory.departments.member_counts import add_to_counts
from directory.models import Department


def move_counts(*, before: Iterable[Department] = (), after: Iterable[Department] = ()) -> None:
    """Count a member who leaves the departments `before` and joins `after`."""
    moved = Counter(_above(after))
    moved.subtract(_above(before))
    add_to_counts(moved)


def _above(departments: Iterable[Department]) -> set[int]:
    """Read the paths again: the test may have moved the departments."""
    found = Department.objects.filter(pk__in=[one.pk for one in departments])
    return {pk for one in found for pk in one.ids_above}
