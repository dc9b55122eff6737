"""After SIGKILL at any point of a bulk action, the next worker resumes; nothing is lost or done twice."""

from __future__ import annotations

import pytest

from directory.tests.bulk_actions.crash_worker import MEMBERS, POINTS

pytestmark = pytest.mark.django_db  # what is copied has to be there

DELETIONS = [point for point, (kind, *_rest) in POINTS.items() if kind == "delete"]
EXPORTS = [point for point in POINTS if point not in DELETIONS]


@pytest.fixture(scope="module")
def results(run_in_subprocess):
    return run_in_subprocess("directory.tests.bulk_actions.crash_worker")


@pytest.mark.parametrize("point", DELETIONS)
def test_the_next_worker_goes_on_where_the_killed_one_stood(results, point):
    result = results[point]
    assert (result["state"], result["counts"]) == ("done", [MEMBERS, MEMBERS, 0, 0])
    assert (result["left"], result["below"], result["items"], result["ends"]) == (0, 0, 0, 1)
    assert result["deletions"] == 4, "ten by threes, each chunk once"


@pytest.mark.parametrize(
    ("point", "left"), [("inside a chunk", 7), ("between chunks", 4), ("before the end", 0), ("after the end", 0)]
)
def test_a_chunk_is_done_whole_or_not_at_all(results, point, left):
    assert results[point]["when_killed"] == left


@pytest.mark.parametrize("point", EXPORTS)
def test_a_workbook_is_there_whole_or_not_at_all(results, point):
    result = results[point]
    assert (result["state"], result["counts"]) == ("done", [MEMBERS, MEMBERS, 0, 0])
    assert (result["left"], result["items"], result["ends"], result["has_file"]) == (MEMBERS, 0, 1, True)


@pytest.mark.parametrize("point", POINTS)
def test_nobody_takes_over_while_the_lease_lasts(results, point):
    assert results[point]["held"]
