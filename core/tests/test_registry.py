"""Registries that other apps fill: in order, each entry once, loud where nothing was registered."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from core.registry import Registry


@pytest.fixture
def registry():
    return Registry("answers")


def test_entries_are_in_order_of_registration_and_unique(registry):
    for answer in (max, min, max):
        registry.register(answer)
    assert registry.all() == (max, min)


def test_reading_an_empty_registry_raises(registry):
    for read in (registry.all, registry.single):
        with pytest.raises(ImproperlyConfigured, match="No app has registered: answers"):
            read()


def test_a_second_single_entry_raises(registry):
    registry.register(max)
    assert registry.single() is max
    registry.register(min)
    with pytest.raises(ImproperlyConfigured, match="More than one"):
        registry.single()
