"""Actions on administrators: appoint, change and remove.

Each reads the actor's right again under the enterprise's lock, so that of two owners who remove each other one remains,
and raises PermissionDenied if a web request asks for more than the actor may give (accounts.permissions.may_give).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, Record, recording
from accounts.models import Enterprise, Role, User
from accounts.permissions import PERMISSIONS, may_give
from accounts.sign_in.sessions import end_sessions
from directory.models import Department, DepartmentScope, Member
from directory.names import clean_name

# No @: a mailbox address is the login of the member who has it.
LOGIN = re.compile(r"[a-z0-9._+-]{1,64}")


def appoint_user(
    enterprise: Enterprise, *, user: User, name: str, departments: Iterable[Department] = (), by: Actor
) -> Role:
    """Give `user` the role `name`, for a department administrator in `departments`. Raises ValidationError."""
    with recording(enterprise, by=by) as record:
        _check_may_give(enterprise, by, name)
        return _give(record, enterprise, user, name, departments)


def appoint_newcomer(
    enterprise: Enterprise,
    *,
    person: str,
    login: str,
    password: str,
    name: str,
    departments: Iterable[Department] = (),
    by: Actor,
) -> Role:
    """Create a user, who need not be a member, and give them the role `name`. Raises ValidationError."""
    user = clean_newcomer(person, login, password)
    # Slow on purpose, so not under the lock.
    user.password = make_password(password)
    try:
        with recording(enterprise, by=by) as record:
            _check_may_give(enterprise, by, name)
            user.save(force_insert=True)
            return _give(record, enterprise, user, name, departments)
    except IntegrityError as conflict:
        raise ValidationError({"login": _login_taken()}) from conflict


def change_role(role: Role, *, name: str, departments: Iterable[Department] = (), by: Actor) -> bool:
    """Change the role; end the person's sessions here and return True if they lost rights. Raises ValidationError."""
    with recording(role.enterprise, by=by) as record:
        role, before = _fresh(role), _fresh(role)
        _check_may_give(role.enterprise, by, before.name, name)
        if name != Role.Name.OWNER:
            refuse_last_owner(before)
        looked_after, chosen = _scope(before), choose_scope(name, departments)
        if (before.name, looked_after) == (name, chosen):
            return False
        record(
            "administrator_changed",
            role.user,
            before=_audit_snapshot(before.name, looked_after),
            after=_audit_snapshot(name, chosen),
        )
        has_lost = _is_less(before.name, name) or not _covers(chosen, looked_after)
        role.name = name
        if has_lost:
            role.reach_since = timezone.now()
        role.save(update_fields=["name", "reach_since"])
        _set_scope(role, chosen)
        if has_lost:
            end_sessions(role.user, enterprise=role.enterprise)
    return has_lost


def remove_administrator(role: Role, *, by: Actor) -> None:
    """Delete the role, perhaps one's own, and end the person's sessions in this enterprise. A membership remains.

    Raises ValidationError for the last owner.
    """
    with recording(role.enterprise, by=by) as record:
        role = _fresh(role)
        if by.user != role.user:
            _check_may_give(role.enterprise, by, role.name)
        refuse_last_owner(role)
        record("administrator_removed", role.user, before=_audit_snapshot(role.name, _scope(role)))
        role.delete()
        end_sessions(role.user, enterprise=role.enterprise)


def refuse_last_owner(role: Role) -> None:
    """Raise ValidationError if this is the only owner."""
    owners = Role.objects.filter(enterprise=role.enterprise_id, name=Role.Name.OWNER, user__is_active=True)
    if role.name == Role.Name.OWNER and not owners.exclude(pk=role.pk).exists():
        message = _("%(name)s is the only owner. Add another owner first.")
        raise ValidationError(message, params={"name": role.user})


def may_remove(acting: Role, role: Role) -> bool:
    """Return True if `acting` may give that role, or it is their own."""
    return acting == role or may_give(acting, role.name)


def user_to_appoint(member: Member) -> User | None:
    """Return the user of a member who has joined; others cannot be appointed yet."""
    return member.user if member.status == Member.Status.ACTIVE and member.has_joined_user else None


def clean_newcomer(person: str, login: str, password: str) -> User:
    """Return an unsaved user without the password. Raises one ValidationError with all errors."""
    errors: dict[str, str | ValidationError] = {}
    draft = User(login=login.strip().lower(), name=person)
    try:
        draft.name = clean_name(person)
    except ValidationError as error:
        errors["name"] = error
    if not LOGIN.fullmatch(draft.login or ""):
        errors["login"] = _("Use 1 to 64 letters, digits, or the characters . _ + - (no @).")
    elif User.objects.filter(login=draft.login).exists():
        errors["login"] = _login_taken()
    try:
        validate_password(password, draft)
    except ValidationError as error:
        errors["password"] = error
    if errors:
        raise ValidationError(errors)
    return draft


def choose_scope(name: str, departments: Iterable[Department]) -> list[Department]:
    """Return the scope of the role. Raises ValidationError for a department administrator without departments."""
    if name != Role.Name.DEPARTMENT_ADMIN:
        return []
    if chosen := sorted(set(departments), key=lambda department: department.path):
        return chosen
    raise ValidationError({"departments": _("Select at least one department to manage.")})


def _give(record: Record, enterprise: Enterprise, user: User, name: str, departments: Iterable[Department]) -> Role:
    if taken := Role.objects.filter(user=user, enterprise=enterprise).first():
        message = _("%(name)s already has a role: %(role)s. Change it in the list of administrators.")
        raise ValidationError(message, params={"name": user, "role": taken.get_name_display()})
    chosen = choose_scope(name, departments)
    role = Role.objects.create(user=user, enterprise=enterprise, name=name)
    _set_scope(role, chosen)
    record("administrator_appointed", user, after=_audit_snapshot(name, chosen))
    return role


def _check_may_give(enterprise: Enterprise, by: Actor, *names: str) -> None:
    """Check a web request's actor; at the command line no role is needed."""
    if by.via != "web":
        return
    acting = Role.objects.filter(user=by.user, enterprise=enterprise).first() if by.user else None
    if acting is None or not all(may_give(acting, name) for name in names):
        raise PermissionDenied


def _login_taken() -> str:
    return _("This login is already taken. Choose another one.")


def _set_scope(role: Role, departments: list[Department]) -> None:
    role.scopes.exclude(department__in=departments).delete()
    present = set(role.scopes.values_list("department", flat=True))
    DepartmentScope.objects.bulk_create(
        DepartmentScope(role=role, department=one) for one in departments if one.pk not in present
    )


def _scope(role: Role) -> list[Department]:
    return list(Department.objects.filter(scopes__role=role).order_by("path"))


def _is_less(before: str, now: str) -> bool:
    """Return True if the second role lacks a permission of the first."""
    return bool(PERMISSIONS[before] - PERMISSIONS[now]) or (before == Role.Name.OWNER != now)


def _covers(now: list[Department], before: list[Department]) -> bool:
    """Return True if scope `now` includes all of `before`; an empty scope is the whole enterprise."""
    return not now or (bool(before) and all(any(old.path.startswith(one.path) for one in now) for old in before))


def _audit_snapshot(name: str, departments: list[Department]) -> dict[str, Any]:
    return {"role": name} | ({"departments": departments} if departments else {})


def _fresh(role: Role) -> Role:
    """Read the role again, under the lock. Raises ValidationError if it was removed."""
    role_now = Role.objects.select_related("enterprise", "user").filter(pk=role.pk).first()
    if role_now is None:
        raise ValidationError(_("This role has already been removed."))
    return role_now
