"""The number of members, which sets an enterprise's daily budget of codes; `directory` registers how to count them."""

from __future__ import annotations

from collections.abc import Callable

from core.registry import Registry

MemberCounter = Callable[[int], int]
_counter: Registry[MemberCounter] = Registry("member counter")


def register_member_counter(counter: MemberCounter) -> None:
    """Count members with `counter`, which takes an enterprise's id, or 0 for none.

    It must execute the same statements for every id, so that a code without an enterprise takes as long as one with.
    """
    _counter.register(counter)


def count_members(enterprise: int) -> int:
    """Return the number of members of the enterprise with this id; 0 if there is no such enterprise."""
    return _counter.single()(enterprise)
