"""Actions on departments: add, rename, delete an empty one."""

from __future__ import annotations

from collections import Counter

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import ProtectedError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.audit.recording import Actor, recording
from accounts.models import Enterprise
from directory.models import Department, Member, Membership
from directory.names import clean_department_name


def open_root(enterprise: Enterprise) -> Department:
    """Create the root department, which is the enterprise itself, in the caller's transaction."""
    return _insert(Department(enterprise=enterprise, name=enterprise.name))


def add_department(parent: Department, *, name: str, by: Actor) -> Department:
    """Add a department below `parent`. Raises ValidationError for `name` and for `department`, the parent's field."""
    kept_name = _clean_name(name)
    try:
        with recording(parent.enterprise, by=by) as record:
            above = Department.objects.filter(pk=parent.pk).first()
            if not above:
                raise ValidationError({"department": _("This department no longer exists.")})
            if above.depth >= Department.MAX_DEPTH:
                message = _("Departments can be up to %(limit)d levels deep.") % {"limit": Department.MAX_DEPTH}
                raise ValidationError({"department": message})
            check_name_is_free(above, kept_name)
            department = _insert(Department(enterprise=parent.enterprise, parent=above, name=kept_name))
            record("department_added", department, after={"name": kept_name, "parent": above.name})
    except IntegrityError as conflict:
        raise ValidationError({"name": name_taken_message(kept_name, parent)}) from conflict
    return department


def rename_department(department: Department, *, name: str, by: Actor) -> Department:
    """Rename a department; the root, too, whose name may differ from the enterprise's. Raises ValidationError."""
    kept_name = _clean_name(name)
    try:
        with recording(department.enterprise, by=by) as record:
            department = Department.objects.get(pk=department.pk)
            check_name_is_free(department.parent, kept_name, exclude=department)
            before = {"name": department.name}
            department.name = kept_name
            department.save(update_fields=["name"])
            record("department_renamed", department, before=before, after={"name": kept_name})
    except IntegrityError as conflict:
        raise ValidationError({"name": name_taken_message(kept_name, department.parent)}) from conflict
    return department


def delete_department(department: Department, *, by: Actor) -> None:
    """Delete an empty department. Raises ValidationError with the numbers of what it contains."""
    with recording(department.enterprise, by=by) as record:
        if department.parent_id is None:
            raise ValidationError(_("The root department is the enterprise itself and can't be deleted."))
        parts = _contents(department)
        if parts:
            raise _not_empty(department, parts)
        record("department_deleted", department, before={"name": department.name})
        _remove_deleted_members(department)
        try:
            Department.objects.filter(pk=department.pk).delete()
        except ProtectedError as protected:
            raise _not_empty(department, _what_protects(protected)) from protected


def check_name_is_free(
    parent: Department | None, name: str, *, exclude: Department | None = None, field: str = "name"
) -> None:
    """Raise ValidationError for `field` if a child of `parent` has this name, ignoring case.

    On SQLite the database constraint ignores the case of ASCII letters only.
    """
    if not parent:
        return
    names = parent.children.exclude(pk=exclude.pk if exclude else 0).values_list("name", flat=True)
    if name.casefold() in {taken.casefold() for taken in names}:
        raise ValidationError({field: name_taken_message(name, parent)})


def name_taken_message(name: str, parent: Department | None) -> str:
    return _("%(parent)s already has a department named “%(name)s”.") % {"parent": parent or "", "name": name}


def _insert(department: Department) -> Department:
    """Insert the department; set its path afterwards, because that contains the id."""
    above = department.parent
    department.depth = above.depth + 1 if above else 0
    department.save(force_insert=True)
    department.path = f"{above.path if above else ''}{department.pk}/"
    department.save(update_fields=["path"])
    return department


def _clean_name(name: str) -> str:
    try:
        return clean_department_name(name)
    except ValidationError as error:
        raise ValidationError({"name": error}) from error


def _contents(department: Department) -> list[str]:
    members = department.memberships.filter(member__deleted_at=None).count()
    below = department.children.count()
    parts = [ngettext("%(n)d member", "%(n)d members", members) % {"n": members}] if members else []
    return parts + ([ngettext("%(n)d subdepartment", "%(n)d subdepartments", below) % {"n": below}] if below else [])


def _remove_deleted_members(department: Department) -> None:
    """Remove members in the recycle bin; if restored, they return to their other departments or to the root."""
    root = Department.objects.get(enterprise=department.enterprise_id, parent=None)
    standing = Membership.objects.filter(department=department, member__deleted_at__isnull=False)
    Member.objects.filter(main_department=department, pk__in=standing.values("member")).update(main_department=root)
    standing.delete()


def _what_protects(protected: ProtectedError) -> list[str]:
    """Count the protecting rows by the name of their model, which may belong to a higher app."""
    names = Counter(str(held._meta.verbose_name_plural) for held in protected.protected_objects)
    return [f"{count} {name}" if count > 1 else name for name, count in sorted(names.items())]


def _not_empty(department: Department, parts: list[str]) -> ValidationError:
    message = _("“%(name)s” isn't empty: %(parts)s. Only empty departments can be deleted.")
    return ValidationError(message, params={"name": department.name, "parts": _(", ").join(parts)})
