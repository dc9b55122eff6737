"""The list of administrators, by rank."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db.models import Case, Exists, IntegerField, Max, OuterRef, Q, QuerySet, Value, When
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Role, User
from accounts.permissions import Permission, may, may_give
from accounts.second_factor.factors import FACTORS
from core.list_query import ListQuery
from core.pagination import OrderedRows, Page, read_page
from directory.administrators.actions import may_remove
from directory.departments.tree import paths_of
from directory.members.search import TEXT_MAX
from directory.models import Department, DepartmentScope

# Further departments of a department administrator are only counted.
PATHS_MAX = 3
RANK = Case(*(When(name=name, then=Value(rank)) for rank, name in enumerate(Role.Name)), output_field=IntegerField())


@dataclass(frozen=True)
class AdministratorRow:
    role: Role
    paths: list[str]
    more_paths: int
    ways: list[str]
    has_factor: bool
    seen_at: datetime | None
    is_self: bool
    may_edit: bool
    may_remove: bool


class AdministratorQuery(ListQuery):
    """The parameters of the list, as `acting` sees it."""

    text_max = TEXT_MAX

    def __init__(self, asked: QueryDict, acting: Role) -> None:
        super().__init__(asked)
        self.acting = acting
        self.name = self.read_choice("role", Role.Name)
        self.is_waiting = self.read_waiting()

    def matching(self) -> QuerySet[Role]:
        roles = Role.objects.filter(enterprise=self.acting.enterprise_id)
        roles = (without_factor(roles) if self.is_waiting else roles).annotate(rank=RANK)
        if self.text:
            roles = roles.filter(Q(user__name__icontains=self.text) | Q(user__login__icontains=self.text))
        return roles.filter(name=self.name) if self.name else roles


def without_factor(roles: QuerySet[Role]) -> QuerySet[Role]:
    """Return the roles of users who can sign in and have no second factor."""
    factors = Authenticator.objects.filter(user=OuterRef("user"), type__in=FACTORS)
    return roles.filter(~Exists(factors), user__is_active=True)


def rows_of(query: AdministratorQuery) -> tuple[list[AdministratorRow], Page[Role]]:
    """Return the rows of a page, in the same number of queries for three and for fifty."""
    matching = query.matching()
    count = matching.count()
    count_text = ngettext("%(n)d administrator", "%(n)d administrators", count) % {"n": count}
    by_rank = OrderedRows(matching.select_related("user"), ("rank", "pk"), is_newest_first=False)
    page = read_page(by_rank, query, count_text=count_text)
    roles = page.rows
    seen, paths, secured = _last_seen(query.acting.enterprise_id, roles), _paths(roles), _secured(roles)
    rows = [
        _row(role, query.acting, paths.get(role.pk, []), seen.get(role.user_id), role.user_id in secured)
        for role in roles
    ]
    return rows, page


def ways_to_sign_in(user: User) -> list[str]:
    """Return the ways in words; a login counts only with a usable password."""
    by_password = [_("Password")] if user.login and user.has_usable_password() else []
    return by_password + ([_("Phone code")] if user.phone else [])


def _row(role: Role, acting: Role, paths: list[str], session_at: datetime | None, has_factor: bool) -> AdministratorRow:
    return AdministratorRow(
        role=role,
        paths=paths[:PATHS_MAX],
        more_paths=max(0, len(paths) - PATHS_MAX),
        ways=ways_to_sign_in(role.user),
        has_factor=has_factor,
        seen_at=max(filter(None, [role.last_entered_at, session_at]), default=None),
        is_self=role == acting,
        may_edit=may_give(acting, role.name),
        may_remove=may(acting, Permission.MANAGE_ADMINISTRATORS) and may_remove(acting, role),
    )


def _paths(roles: list[Role]) -> dict[int, list[str]]:
    """Return the full paths of the departments in each role's scope, by role id."""
    scopes = list(DepartmentScope.objects.filter(role__in=roles).values_list("role", "department"))
    paths = paths_of(Department.objects.filter(pk__in={department for _role, department in scopes}))
    by_role: dict[int, list[str]] = defaultdict(list)
    for role, department in scopes:
        by_role[role].append(paths[department])
    return {role: sorted(found) for role, found in by_role.items()}


def _secured(roles: list[Role]) -> set[int]:
    """Return the ids of users who have set up a second factor."""
    users = [role.user_id for role in roles]
    return set(Authenticator.objects.filter(user__in=users, type__in=FACTORS).values_list("user", flat=True))


def _last_seen(enterprise: int, roles: list[Role]) -> dict[int, datetime]:
    """Return when each user's session in this enterprise was last used, by user id; sessions elsewhere are private."""
    sessions = UserSession.objects.filter(user__in=[role.user_id for role in roles], data__enterprise=enterprise)
    return dict(sessions.values_list("user").annotate(Max("last_seen_at")))
