"""The enterprise's tree: add, rename, delete when empty; and how many members stand where."""

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
    """The department that is the enterprise itself; inside the caller's transaction."""
    return _place(Department(enterprise=enterprise, name=enterprise.name))


def add_department(parent: Department, *, name: str, by: Actor) -> Department:
    """Raises ValidationError for `name`, and for `department`, the form's field of the parent."""
    kept_name = _clean_name(name)
    try:
        with recording(parent.enterprise, by=by) as record:
            above = Department.objects.filter(pk=parent.pk).first()
            if not above:
                raise ValidationError({"department": _("This department no longer exists.")})
            if above.depth >= Department.MAX_DEPTH:
                message = _("Departments can be at most %(limit)d levels deep.") % {"limit": Department.MAX_DEPTH}
                raise ValidationError({"department": message})
            check_name_is_free(above, kept_name)
            department = _place(Department(enterprise=parent.enterprise, parent=above, name=kept_name))
            record("department_added", department, after={"name": kept_name, "parent": above.name})
    except IntegrityError as conflict:
        raise ValidationError({"name": name_taken_message(kept_name, parent)}) from conflict
    return department


def rename_department(department: Department, *, name: str, by: Actor) -> Department:
    """The root too: inside the directory it may bear a shorter name. Raises ValidationError for `name`."""
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
    """Only an empty one; else raises ValidationError, which says what stands in the way and how many."""
    with recording(department.enterprise, by=by) as record:
        if department.parent_id is None:
            raise ValidationError(_("The root department is the enterprise itself: it stays."))
        parts = _what_stands_in(department)
        if parts:
            raise _not_empty(department, parts)
        record("department_deleted", department, before={"name": department.name})
        _part_from_bin(department)
        try:
            Department.objects.filter(pk=department.pk).delete()
        except ProtectedError as protected:
            raise _not_empty(department, _what_protects(protected)) from protected


def check_name_is_free(
    parent: Department | None, name: str, *, exclude: Department | None = None, field: str = "name"
) -> None:
    """The constraint folds ASCII only on SQLite; this folds as Python does on both."""
    if not parent:
        return
    names = parent.children.exclude(pk=exclude.pk if exclude else 0).values_list("name", flat=True)
    if name.casefold() in {taken.casefold() for taken in names}:
        raise ValidationError({field: name_taken_message(name, parent)})


def name_taken_message(name: str, parent: Department | None) -> str:
    return _("%(parent)s already has a department named “%(name)s”.") % {"parent": parent or "", "name": name}


def _place(department: Department) -> Department:
    """Save it where its parent says; the path needs the id."""
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


def _what_stands_in(department: Department) -> list[str]:
    members = department.memberships.filter(member__deleted_at=None).count()
    below = department.children.count()
    parts = [ngettext("%(n)d member", "%(n)d members", members) % {"n": members}] if members else []
    return parts + (
        [ngettext("%(n)d department below", "%(n)d departments below", below) % {"n": below}] if below else []
    )


def _part_from_bin(department: Department) -> None:
    """Who lies in the bin holds no department back; if they are restored they stand in what is left of theirs, or in
    the root."""
    root = Department.objects.get(enterprise=department.enterprise_id, parent=None)
    standing = Membership.objects.filter(department=department, member__deleted_at__isnull=False)
    Member.objects.filter(main_department=department, pk__in=standing.values("member")).update(main_department=root)
    standing.delete()


def _what_protects(protected: ProtectedError) -> list[str]:
    """Count the protecting rows by the name of their model, which may be one of a later app."""
    names = Counter(str(held._meta.verbose_name_plural) for held in protected.protected_objects)
    return [f"{count} {name}" if count > 1 else name for name, count in sorted(names.items())]


def _not_empty(department: Department, parts: list[str]) -> ValidationError:
    message = _("“%(name)s” is not empty: %(parts)s. Only an empty department can be deleted.")
    return ValidationError(message, params={"name": department.name, "parts": _(", ").join(parts)})
