"""The number of members in each department and below, kept with every change."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping

from django.db.models import F
from django.db.models.functions import Greatest

from directory.models import Department, Membership


def move_counts(*, before: Iterable[Department] = (), after: Iterable[Department] = ()) -> None:
    """A member leaves the departments `before` and stands in `after`: keep `members_below` true, in the caller's
    transaction of the enterprise. A member of two departments counts once in what is above both.

    What is above them is read here: whoever chose them did so before the lock, and they may have been moved since."""
    places = [{one.pk for one in before}, {one.pk for one in after}]
    paths = Department.objects.filter(pk__in=set().union(*places)).only("path")
    above = {one.pk: one.ids_above for one in paths}
    left, entered = ({pk for one in ids for pk in above.get(one, ())} for ids in places)
    if left - entered:
        Department.objects.filter(pk__in=left - entered).update(members_below=Greatest(F("members_below") - 1, 0))
    if entered - left:
        Department.objects.filter(pk__in=entered - left).update(members_below=F("members_below") + 1)


def shift_counts(members: Collection[int], by: int) -> None:
    """The same for many members of one enterprise, wherever they stand: `by` 1 as they enter the directory, -1 as they
    leave it."""
    above: dict[int, set[int]] = defaultdict(set)
    for member, path in Membership.objects.filter(member__in=members).values_list("member", "department__path"):
        above[member].update(map(int, path.split("/")[:-1]))
    moved = Counter(pk for departments in above.values() for pk in departments)
    add_to_counts({department: by * number for department, number in moved.items()})


def add_to_counts(moved: Mapping[int, int]) -> None:
    """So many more members, or less, in each department and below it; inside the caller's transaction of the
    enterprise."""
    alike: dict[int, list[int]] = defaultdict(list)
    for department, number in moved.items():
        if number:
            alike[number].append(department)
    for number, departments in alike.items():
        count = Greatest(F("members_below") + number, 0)
        Department.objects.filter(pk__in=departments).update(members_below=count)
