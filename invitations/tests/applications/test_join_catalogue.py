"""Every case of the catalogue of joining (J1 to J16) is named by a test or benchmark."""

import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = settings.BASE_DIR
PLACES = ["invitations/tests", "directory/tests", "exmail_admin/tests", "benchmarks"]
TEXTS = [
    path.read_text() for place in PLACES for path in (ROOT / place).rglob("*.py") if path.name != Path(__file__).name
]


@pytest.mark.parametrize("number", range(1, 17))
def test_the_case_is_held_by_name(number):
    assert any(re.search(rf"\bJ{number}\b", text) for text in TEXTS)
