"""Every case of the catalogue of joining (J1 to J16) is named by the test or the benchmark that holds it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PLACES = ["invitations/tests", "directory/tests", "exmail_admin/tests/stories", "exmail_admin"]
TEXTS = [
    path.read_text() for place in PLACES for path in (ROOT / place).glob("*.py") if path.name != Path(__file__).name
]


@pytest.mark.parametrize("number", range(1, 17))
def test_the_case_is_held_by_name(number):
    assert any(re.search(rf"\bJ{number}\b", text) for text in TEXTS)
