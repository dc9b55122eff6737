"""The index of a plan: pages of rows by verdict, and the lines of planned rows by number."""

import io

import pytest

from directory.imports.preview.index import DEPARTMENTS_LISTED, NOT_PLANNED, IndexBuilder, RowIndex

ROWS = [(2, "new"), (3, "refused"), (5, "changed"), (6, "new"), (7, "unchanged"), (9, "left_out"), (11, "new")]


def index_of(builder, departments=()):
    file = io.BytesIO()
    builder.write(file, departments)
    file.seek(0)
    return RowIndex(file)


@pytest.fixture
def builder():
    built = IndexBuilder()
    for number, verdict in ROWS:
        built.add(number, verdict, number * 10 if verdict == "new" else NOT_PLANNED)
    return built


def numbers(index, verdict, start=0, limit=100):
    return [number for number, _offset in index.read(verdict, start, limit)]


def test_refused_rows_come_first_and_each_verdict_has_its_own_list(builder):
    index = index_of(builder)
    assert numbers(index, "") == [3, 2, 5, 6, 7, 9, 11]
    assert {verdict: numbers(index, verdict) for verdict in ("new", "refused", "changed", "unchanged", "left_out")} == {
        "new": [2, 6, 11], "refused": [3], "changed": [5], "unchanged": [7], "left_out": [9],
    }  # fmt: skip
    assert index.counts == {"": 7, "new": 3, "refused": 1, "changed": 1, "unchanged": 1, "left_out": 1}


def test_rows_refused_at_the_end_move_to_the_refused_ones(builder):
    builder.refuse({2, 11, 7})
    index = index_of(builder)
    assert numbers(index, "") == [2, 3, 7, 11, 5, 6, 9]
    assert (numbers(index, "refused"), numbers(index, "new"), numbers(index, "unchanged")) == ([2, 3, 7, 11], [6], [])


def test_a_part_of_a_list_ends_with_the_list(builder):
    index = index_of(builder)
    assert numbers(index, "", 5, 100) == [9, 11]
    assert numbers(index, "refused", 0, 100) == [3], "not the rows that follow in the list of all"
    assert numbers(index, "new", 3, 100) == []
    assert numbers(index, "new", 9, 100) == []


def test_rows_are_found_by_number(builder):
    index = index_of(builder)
    assert index.find("new", [1, 2, 3, 6, 11, 12]) == [(2, 20), (6, 60), (11, 110)]
    assert index.find("changed", []) == []
    assert index_of(IndexBuilder()).find("new", [1]) == []


def test_departments_are_counted_beyond_those_that_are_listed(builder):
    index = index_of(builder, [f"部{number}" for number in range(DEPARTMENTS_LISTED + 1)])
    assert (len(index.departments), index.departments_count) == (DEPARTMENTS_LISTED, DEPARTMENTS_LISTED + 1)
