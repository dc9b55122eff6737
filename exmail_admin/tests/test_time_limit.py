"""The time limit of each test (conftest.py)."""

from contextlib import suppress

import pytest

from conftest import fail_after


def hang() -> None:
    """Go on after errors, as a worker does."""
    while True:
        with suppress(Exception):
            sum(range(1000))


def test_a_test_that_hangs_fails_even_in_code_that_goes_on_after_errors():
    with fail_after(0.05), pytest.raises(pytest.fail.Exception, match="took longer than"):
        hang()
