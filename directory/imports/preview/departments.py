"""The departments that an import would create, gathered while its rows are checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from directory.imports.columns import ParseContext, fold


class PlannedDepartments:
    """Knows which rows need each department that doesn't exist yet."""

    def __init__(self) -> None:
        self._rows: dict[str, list[int]] = defaultdict(list)

    def add(self, number: int, departments: Iterable[int | str]) -> None:
        """Note what a row needs; departments that exist are ids."""
        for department in departments:
            if isinstance(department, str):
                self._rows[department].append(number)

    def leave_out(self, refused: Collection[int]) -> None:
        """Forget the departments that only refused rows need."""
        for path, numbers in list(self._rows.items()):
            if all(number in refused for number in numbers):
                del self._rows[path]

    def lists(self, context: ParseContext) -> list[int]:
        """Return the rows whose department is a list of departments that exist or that other rows need."""
        return [number for path, numbers in self._rows.items() if context.is_list(path) for number in numbers]

    def paths(self, context: ParseContext) -> list[str]:
        """Return the paths below the import's department, each level below the one that it needs."""
        found: dict[str, str] = {}
        for path in self._rows:
            for level in context.missing_levels(path):
                above, _slash, name = level.rpartition("/")
                above = found.get(fold(above), above)
                found.setdefault(fold(level), f"{above}/{name}" if above else name)
        return list(found.values())
