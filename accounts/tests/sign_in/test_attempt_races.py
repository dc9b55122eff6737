"""Attempts of twenty threads at once count exactly up to the limit, on either database."""

import pytest

pytestmark = pytest.mark.django_db  # so that there is a database to copy


@pytest.fixture(scope="module")
def results(run_in_subprocess):
    return run_in_subprocess("accounts.tests.sign_in.race_attempts")


@pytest.mark.parametrize(
    ("race", "outcome"),
    [
        ("one limit", {"counted": 7, "AttemptsExceeded": 13, "failures": 7}),
        ("a shared limit and one each", {"counted": 7, "AttemptsExceeded": 13, "failures": 7 + 7}),
        ("any order", {"counted": 20, "failures": 0}),
        ("a password", {"counted": 10, "AttemptsExceeded": 10, "failures": 10}),
    ],
)
def test_parallel_attempts_count_exactly(results, race, outcome):
    assert results[race] == outcome
