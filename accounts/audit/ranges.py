"""Sets of event numbers as text: "3-7 12" is 3 to 7, and 12."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable

Range = tuple[int, int]


def format_ranges(numbers: Iterable[int]) -> str:
    """Return ascending numbers as text."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def parse_ranges(text: str) -> list[Range]:
    """Return the ranges of what `format_ranges` returned."""
    ends = [part.partition("-") for part in text.split()]
    return [(int(first), int(last or first)) for first, _hyphen, last in ends]


def merge_ranges(ranges: Iterable[Range]) -> list[Range]:
    """Return the ranges sorted and without overlaps."""
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def is_within(number: int, ranges: list[Range]) -> bool:
    """True if one of the merged ranges includes the number."""
    at = bisect_right(ranges, (number, math.inf)) - 1
    return at >= 0 and number <= ranges[at][1]
