"""The list of administrators as its page shows it, by rank, a page at a time."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db.models import Case, IntegerField, Max, Q, QuerySet, Value, When
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Role, User
from accounts.permissions import Permission, may, may_give
from accounts.second_factor.factors import FACTORS
from core.pagination import Pages
from directory.administrators.actions import may_remove
from directory.departments.tree import paths_of
from directory.members.search import TEXT_MAX
from directory.models import Department, DepartmentScope

PAGE_SIZE = 50
# A department administrator of more is shown these and a count.
PATHS_MAX = 3
RANK = Case(*(When(name=name, then=Value(place)) for place, name in enumerate(Role.Name)), output_field=IntegerField())


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


class AdministratorQuery:
    """What a list's address asks for. Nonsense in it is left out."""

    def __init__(self, asked: QueryDict, acting: Role) -> None:
        self.acting = acting
        self.name = asked.get("role", "") if asked.get("role") in Role.Name else ""
        self.text = asked.get("q", "").replace("\0", "").strip()[:TEXT_MAX]
        self.after, self.before = asked.get("after", ""), asked.get("before", "")

    @property
    def is_narrowed(self) -> bool:
        return bool(self.text or self.name)

    def found(self) -> QuerySet[Role]:
        roles = Role.objects.filter(enterprise=self.acting.enterprise_id).annotate(rank=RANK)
        if self.text:
            roles = roles.filter(Q(user__name__icontains=self.text) | Q(user__login__icontains=self.text))
        return roles.filter(name=self.name) if self.name else roles

    def url(self, **key: str) -> str:
        fields = {"q": self.text, "role": self.name, **key}
        return "?" + urlencode({name: value for name, value in fields.items() if value})


def rows_of(query: AdministratorQuery) -> tuple[list[AdministratorRow], Pages]:
    """One page; the same number of queries for three rows and for fifty."""
    found = query.found()
    roles, has_before, has_after = _page(found.select_related("user"), query)
    seen, paths, secured = _last_seen(query.acting.enterprise_id, roles), _paths(roles), _secured(roles)
    rows = [
        _row(role, query.acting, paths.get(role.pk, []), seen.get(role.user_id), role.user_id in secured)
        for role in roles
    ]
    count = found.count()
    pages = Pages(
        count_text=ngettext("%(n)d administrator", "%(n)d administrators", count) % {"n": count},
        previous_url=query.url(before=_mark(roles[0])) if has_before else "",
        next_url=query.url(after=_mark(roles[-1])) if has_after else "",
    )
    return rows, pages


def ways_to_sign_in(user: User) -> list[str]:
    """In words. A login without a usable password is no way in."""
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


def _page(roles: QuerySet[Role], query: AdministratorQuery) -> tuple[list[Role], bool, bool]:
    """The page's roles, and whether there are any before and after."""
    if before := _read_mark(query.before):
        rows = list(roles.filter(_beyond(before, "lt")).order_by(RANK.desc(), "-pk")[: PAGE_SIZE + 1])
        if rows:
            return rows[:PAGE_SIZE][::-1], len(rows) > PAGE_SIZE, True
    after = _read_mark(query.after)
    rows = list((roles.filter(_beyond(after, "gt")) if after else roles).order_by(RANK, "pk")[: PAGE_SIZE + 1])
    return rows[:PAGE_SIZE], bool(after and rows), len(rows) > PAGE_SIZE


def _beyond(mark: tuple[int, int], side: str) -> Q:
    rank, pk = mark
    return Q(**{f"rank__{side}": rank}) | Q(**{"rank": rank, f"pk__{side}": pk})


def _mark(role: Role) -> str:
    return f"{role.rank}.{role.pk}"  # type: ignore[attr-defined]


def _read_mark(text: str) -> tuple[int, int] | None:
    parts = re.fullmatch(r"(\d)\.(\d{1,18})", text, re.ASCII)
    return (int(parts[1]), int(parts[2])) if parts else None


def _paths(roles: list[Role]) -> dict[int, list[str]]:
    """By role: the whole paths of the departments looked after."""
    scopes = list(DepartmentScope.objects.filter(role__in=roles).values_list("role", "department"))
    paths = paths_of(Department.objects.filter(pk__in={department for _role, department in scopes}))
    by_role: dict[int, list[str]] = defaultdict(list)
    for role, department in scopes:
        by_role[role].append(paths[department])
    return {role: sorted(found) for role, found in by_role.items()}


def _secured(roles: list[Role]) -> set[int]:
    """The users who have set up a second factor."""
    users = [role.user_id for role in roles]
    return set(Authenticator.objects.filter(user__in=users, type__in=FACTORS).values_list("user", flat=True))


def _last_seen(enterprise: int, roles: list[Role]) -> dict[int, datetime]:
    """By user: when a living session in this enterprise was last used; what they do elsewhere is nobody's business."""
    sessions = UserSession.objects.filter(user__in=[role.user_id for role in roles], data__enterprise=enterprise)
    return dict(sessions.values_list("user").annotate(Max("last_seen_at")))
