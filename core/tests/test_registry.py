"""Registries that other apps fill: in order, each entry once, loud where nothing was registered."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from core.registry import Registry


@pytest.fixture
def registry():
    return Registry("answers")


def test_entries_come_in_the_order_of_their_registration_and_once(registry):
    for answer in (max, min, max):
        registry.register(answer)
    assert registry.all() == (max, min)


def test_a_registry_that_was_never_filled_says_so(registry):
    for read in (registry.all, registry.single):
        with pytest.raises(ImproperlyConfigured, match="No app has registered: answers"):
            read()


def test_where_one_answer_is_expected_a_second_one_is_refused(registry):
    registry.register(max)
    assert registry.single() is max
    registry.register(min)
    with pytest.raises(ImproperlyConfigured, match="More than one"):
        registry.single()
