"""`manage.py bench_directory`: whole views of the directory, compared with a signed-in view that does nothing.

CPU time is that of this process and of the database backend. The peer runs the queries of Django's admin for the same
list, without rendering a page.
"""

from __future__ import annotations

import logging
import time
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median, quantiles
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib import admin
from django.core.management.base import BaseCommand, CommandError
from django.db.models import F
from django.http import HttpRequest, HttpResponse, QueryDict
from django.test import Client, RequestFactory, override_settings
from django.urls import include, path

from accounts.access import console_page
from accounts.models import Role
from accounts.permissions import Permission
from benchmarks.measuring import database_cpu_seconds, signed_in_client
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
            self._measure(_pages(root), signed_in_client(role), rounds)
        for name, query in {
            "first page": "",
            "search 建国": "q=建国",
            "last page": f"p={-(-root.members_below // 100)}",
        }.items():
            self._print(
                f"Django admin's queries, {name}", [_time(partial(_ask_like_admin, query)) for _ in range(3)], 0
            )

    def _measure(self, pages: dict[str, str], client: Client, rounds: int) -> None:
        """Interleave the pages, so that a busy moment of the machine affects all of them."""
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


def _get(client: Client, url: str) -> None:
    answer = client.get(url)
    if answer.status_code != 200:
        raise CommandError(f"{url} answered {answer.status_code}")


def _ask_like_admin(query: str) -> None:
    """Run the queries of the admin's list: the count, the count with the search, and a page of 100."""
    site = admin.AdminSite()
    lister = type(
        "Lister", (admin.ModelAdmin,), {"search_fields": ["name", "account", "phone"], "show_full_result_count": True}
    )
    request = RequestFactory().get("/", QueryDict(query))
    request.user = SimpleNamespace(has_perm=lambda *_: True)  # type: ignore[assignment]
    list(lister(Member, site).get_changelist_instance(request).result_list)


def _time(action: Callable[[], None]) -> Taken:
    database, ours, clock = database_cpu_seconds(), time.process_time(), time.perf_counter()
    action()
    clock, ours = time.perf_counter() - clock, time.process_time() - ours
    return Taken(clock * 1000, ours * 1000, (database_cpu_seconds() - database) * 1000)
