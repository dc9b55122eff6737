"""Which rows: departments and members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    pass


class DepartmentQuerySet(models.QuerySet["Department"]):
    pass


class MemberQuerySet(models.QuerySet["Member"]):
    pass
