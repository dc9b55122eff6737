"""How long the pages of the directory take: whole views, beside a signed-in one that does nothing.

CPU is this process's and the database backend's: on a busy machine it says more than the clock. The peer is what
Django's admin asks the database for the same list, without drawing a page of it.
"""

from __future__ import annotations

import logging
import time
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.contrib import admin
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.models import F
from django.http import HttpRequest, HttpResponse, QueryDict
from django.test import Client, RequestFactory, override_settings
from django.urls import include, path

from accounts.access import console_page
from accounts.models import Role
from accounts.permissions import Permission
from directory.models import Department, Member

LIST = "/console/members/"
DEPARTMENTS = "/console/departments/"


@console_page(Permission.READ)
def do_nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


urlpatterns = [path("nothing/", do_nothing), path("", include(settings.ROOT_URLCONF))]


@dataclass(frozen=True)
class Taken:
    """Milliseconds of one request."""

    clock: float
    ours: float
    database: float


class Command(BaseCommand):
    help = "Measure list, search and filter of the largest enterprise here (fill it by seed_demo --members N)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rounds", type=int, default=20)

    def handle(self, *args: Any, rounds: int, **options: Any) -> None:
        root = Department.objects.filter(parent=None).order_by(F("members_below").desc()).first()
        role = Role.objects.filter(enterprise=root.enterprise_id, name=Role.Name.OWNER).first() if root else None
        if not root or not role:
            raise CommandError("There is no enterprise with an owner yet: run seed_demo first.")
        self.stdout.write(f"{root.members_below:,} members · whole views, ms")
        self.stdout.write(f"{'':34}{'p50':>8}{'p95':>8}{'× nothing':>11}{'CPU ours':>10}{'database':>10}")
        logging.disable(logging.INFO)
        with override_settings(ROOT_URLCONF=__name__, DEBUG=False, ALLOWED_HOSTS=["*"]):
            self._measure(_pages(root), _sign_in(role), rounds)
        for name, query in {
            "first page": "",
            "search 建国": "q=建国",
            "last page": f"p={-(-root.members_below // 100)}",
        }.items():
            self._print(
                f"Django admin's queries, {name}", [_time(partial(_ask_like_admin, query)) for _ in range(3)], 0
            )

    def _measure(self, pages: dict[str, str], client: Client, rounds: int) -> None:
        """In turns, so that a busy moment of the machine falls on all alike."""
        times: dict[str, list[Taken]] = {name: [] for name in pages}
        for _round in range(rounds + 2):
            for name, url in pages.items():
                times[name].append(_time(partial(_get, client, url)))
        nothing = median(one.clock for one in times["nothing"][2:])
        for name, taken in times.items():
            self._print(name, taken[2:], nothing)

    def _print(self, name: str, taken: list[Taken], nothing: float) -> None:
        p50, p95 = median(one.clock for one in taken), quantiles([one.clock for one in taken], n=20)[-1]
        ratio = f"{p50 / nothing:.1f}" if nothing else ""
        ours, theirs = median(one.ours for one in taken), median(one.database for one in taken)
        self.stdout.write(f"{name:34}{p50:8.1f}{p95:8.1f}{ratio:>11}{ours:10.1f}{theirs:10.1f}")


def _pages(root: Department) -> dict[str, str]:
    pages = {"nothing": "/nothing/", "first page": LIST, "pending": f"{LIST}?status=pending"}
    pages |= {"disabled": f"{LIST}?status=disabled", "the bin": f"{LIST}?status=deleted"}
    pages |= {"form of a new member": f"{LIST}new/", "departments": DEPARTMENTS}
    pages |= {"search departments": f"{DEPARTMENTS}?q=3", "… in a form": f"{DEPARTMENTS}options/?for=d&d_q=3"}
    for depth in (1, 2, 3):
        largest = (
            Department.objects.filter(enterprise=root.enterprise_id, depth=depth).order_by("-members_below").first()
        )
        if largest:
            pages[f"department of {largest.members_below:,}"] = f"{LIST}?department={largest.pk}"
            pages[f"… and active in it ({depth})"] = f"{LIST}?department={largest.pk}&status=active"
    searches = ("张", "伟", "建国", "张伟", "z", "zhang", "zw", "dan", "13800", "8002", "nobody-at-all")
    return pages | {f"search {text}": f"{LIST}?q={quote(text)}" for text in searches}


def _sign_in(role: Role) -> Client:
    public = urlsplit(settings.PUBLIC_URL)
    client = Client(SERVER_NAME=public.hostname or "localhost")
    client.defaults["wsgi.url_scheme"] = public.scheme
    client.force_login(role.user)
    session = client.session
    now = int(time.time())
    session.update({"enterprise": role.enterprise_id, "method": "password", "signed_in_at": now, "seen_at": now})
    session.save()
    return client


def _get(client: Client, url: str) -> None:
    answer = client.get(url)
    if answer.status_code != 200:
        raise CommandError(f"{url} answered {answer.status_code}")


def _ask_like_admin(query: str) -> None:
    """The count, the count with the search, and a page of 100, as its list asks for them."""
    site = admin.AdminSite()
    lister = type(
        "Lister", (admin.ModelAdmin,), {"search_fields": ["name", "account", "phone"], "show_full_result_count": True}
    )
    request = RequestFactory().get("/", QueryDict(query))
    request.user = SimpleNamespace(has_perm=lambda *_: True)  # type: ignore[assignment]
    list(lister(Member, site).get_changelist_instance(request).result_list)


def _time(action: Callable[[], None]) -> Taken:
    database, ours, clock = _database_cpu(), time.process_time(), time.perf_counter()
    action()
    clock, ours = time.perf_counter() - clock, time.process_time() - ours
    return Taken(clock * 1000, ours * 1000, (_database_cpu() - database) * 1000)


def _database_cpu() -> float:
    """Seconds of the backend; 0 where it runs elsewhere, or in this very process (SQLite)."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        status = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")
    return int(status.read_text().split()[0]) / 1e9 if status.exists() else 0
