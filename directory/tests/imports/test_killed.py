"""After SIGKILL at any point of an import, the next worker resumes; nothing is lost or done twice."""

from __future__ import annotations

import pytest

from directory.tests.imports.crash_worker import POINTS, ROWS

pytestmark = pytest.mark.django_db  # what is copied has to be there


@pytest.fixture(scope="module")
def results(run_in_subprocess):
    return run_in_subprocess("directory.tests.imports.crash_worker")


@pytest.mark.parametrize("point", POINTS)
def test_the_next_worker_goes_on_where_the_killed_one_stood(results, point):
    result = results[point]
    assert result["state"] == "done"
    assert result["counts"] == [ROWS, ROWS, 0, ROWS]
    for what in ("members", "phones", "addresses", "memberships", "rows", "below"):
        assert result[what] == ROWS, what
    assert result["audit"] == ["import_started", "import_finished"]


@pytest.mark.parametrize(
    ("point", "members"),
    [
        ("while reading", 0),
        ("while checking", 0),
        ("inside a chunk", 3),
        ("between chunks", 6),
        ("before the end", 10),
        ("after the end", 10),
    ],
)
def test_a_chunk_is_there_whole_or_not_at_all(results, point, members):
    assert results[point]["when_killed"] == members


def test_a_web_process_killed_while_uploading_leaves_a_file_and_nothing_else(results):
    result = results["the web while uploading"]
    assert result["left"][1] == 0
    assert (result["state"], result["members"], result["counts"]) == ("done", ROWS, [ROWS, ROWS, 0, ROWS])


def test_uploaded_again_after_a_crash_nobody_is_there_twice(results):
    result = results["uploaded again"]
    assert result["first"] == ["cancelled", ROWS, 6, ROWS - 6]
    assert (result["state"], result["unchanged"], result["counts"]) == ("done", 6, [ROWS, ROWS - 6, 0, ROWS - 6])
    for what in ("members", "phones", "addresses", "memberships", "rows", "below"):
        assert result[what] == ROWS, what


@pytest.mark.postgres
def test_a_database_that_goes_away_inside_a_chunk_takes_only_the_chunk_along(results):
    result = results["the database inside a chunk"]
    assert result["when_killed"] == 3
    assert (result["state"], result["counts"]) == ("done", [ROWS, ROWS, 0, ROWS])
    for what in ("members", "phones", "addresses", "memberships", "rows", "below"):
        assert result[what] == ROWS, what


@pytest.mark.parametrize("point", POINTS)
def test_nobody_takes_over_while_the_lease_lasts(results, point):
    assert results[point]["held"]
