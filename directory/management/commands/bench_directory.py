"""How long the pages of the directory take: whole views, beside a signed-in one that does nothing."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from statistics import median, quantiles
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path

from accounts.access import Permission, console_page
from accounts.models import Role
from directory.models import Department

LIST = "/console/members/"


@console_page(Permission.READ)
def do_nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


urlpatterns = [path("nothing/", do_nothing), path("", include(settings.ROOT_URLCONF))]


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
        self.stdout.write(f"{'':34}{'p50':>8}{'p95':>8}{'× nothing':>11}")
        with override_settings(ROOT_URLCONF=__name__, DEBUG=False, ALLOWED_HOSTS=["*"]):
            self._measure(_pages(root), _sign_in(role), rounds)

    def _measure(self, pages: dict[str, str], client: Client, rounds: int) -> None:
        """In turns, so that a busy moment of the machine falls on all alike."""
        times: dict[str, list[float]] = {name: [] for name in pages}
        for _round in range(rounds + 2):
            for name, url in pages.items():
                times[name].append(_time(client, url))
        nothing = median(times["nothing"][2:])
        for name, taken in times.items():
            p50, p95 = median(taken[2:]), quantiles(taken[2:], n=20)[-1]
            self.stdout.write(f"{name:34}{p50:8.1f}{p95:8.1f}{p50 / nothing:11.1f}")


def _pages(root: Department) -> dict[str, str]:
    pages = {"nothing": "/nothing/", "first page": LIST, "pending": f"{LIST}?status=pending"}
    pages |= {"disabled": f"{LIST}?status=disabled"}
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


def _time(client: Client, url: str) -> float:
    start = time.perf_counter()
    answer = client.get(url)
    taken = (time.perf_counter() - start) * 1000
    if answer.status_code != 200:
        raise CommandError(f"{url} answered {answer.status_code}")
    return taken
