"""How much of an import an undo takes back, and how much it keeps for what reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from directory.models import ImportRow

KeptBecause = ImportRow.KeptBecause


@dataclass
class UndoCounts:
    """How many members are removed and reverted, and kept by reason.

    `withdrawn` are open invitations of members whom the import created and the undo keeps.
    """

    removed: int = 0
    reverted: int = 0
    withdrawn: int = 0
    kept: Counter[str] = field(default_factory=Counter)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**{**stored, "kept": Counter(stored.get("kept", {}))})

    def to_json(self) -> dict[str, Any]:
        return {"removed": self.removed, "reverted": self.reverted, "withdrawn": self.withdrawn, "kept": +self.kept}

    @property
    def undone(self) -> int:
        return self.removed + self.reverted

    @property
    def has_effect(self) -> bool:
        return bool(self.undone or self.withdrawn)

    @property
    def kept_by_reason(self) -> list[tuple[KeptBecause, int]]:
        return [(reason, self.kept[reason]) for reason in KeptBecause if self.kept[reason]]
