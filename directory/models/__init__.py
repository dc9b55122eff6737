"""Departments, members, domains and what manages them. The database enforces uniqueness within an enterprise."""

from directory.models.bulk_actions import BulkAction, BulkActionItem
from directory.models.departments import Department, DepartmentQuerySet, DepartmentScope
from directory.models.domains import Domain
from directory.models.imports import Import, ImportRow
from directory.models.joining import ActivationCode, Invitation
from directory.models.members import Address, Member, MemberQuerySet, Membership, Reading

__all__ = [
    "ActivationCode",
    "Address",
    "BulkAction",
    "BulkActionItem",
    "Department",
    "DepartmentQuerySet",
    "DepartmentScope",
    "Domain",
    "Import",
    "ImportRow",
    "Invitation",
    "Member",
    "MemberQuerySet",
    "Membership",
    "Reading",
]
