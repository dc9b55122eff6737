"""When messages move. Tasks carry nothing: the rows are the truth, so each may be lost, doubled or late."""

from __future__ import annotations
