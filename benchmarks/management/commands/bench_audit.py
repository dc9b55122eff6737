"""`manage.py bench_audit`: the audit log's page, verification and export with many events."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import timedelta
from statistics import median, quantiles
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.http import QueryDict
from django.test import Client, override_settings
from django.utils import timezone

from accounts.audit.chain import extend_chain
from accounts.audit.keys import keyring
from accounts.audit.recording import OPENED, command_actor, event_digest, personal_digest
from accounts.audit.verification import EventVerifier, verify_chunk
from accounts.audit_log.export import export_audit
from accounts.audit_log.search import AuditQuery
from accounts.models import AuditChain, AuditEvent, Enterprise, Role, User
from benchmarks.measuring import signed_in_client

LIST = "/console/audit/"
CHUNK = 5000
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚"
ACTIONS = (
    ["member_edited"] * 6 + ["invitation_sent"] * 5 + ["member_created"] * 4 + ["signed_in"] * 4 + ["domain_edited"]
)


class Command(BaseCommand):
    help = "Measure the audit log with --events of them, in a transaction that is rolled back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--events", type=int, default=100_000)
        parser.add_argument("--rounds", type=int, default=20)

    def handle(self, *args: Any, events: int, rounds: int, **options: Any) -> None:
        with transaction.atomic(), override_settings(DEBUG=False, ALLOWED_HOSTS=["*"]):
            role = _fill(events)
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE accounts_auditevent" if connection.vendor == "postgresql" else "ANALYZE")
            self.stdout.write(f"{events:,} events, {connection.vendor} · whole views, ms; CPU: of this process alone")
            self.stdout.write(f"{'':34}{'p50':>8}{'p95':>8}{'CPU':>8}")
            self._measure(_pages(role, events), signed_in_client(role), rounds)
            self._take(f"verify {events:,} events", lambda: _verify(role.enterprise, events))
            few = min(events, settings.AUDIT_EXPORT_ROWS)
            query = AuditQuery(QueryDict(), role.enterprise)
            self._take(f"export {few:,} events", lambda: export_audit(query, role, by=command_actor()).close())
            transaction.set_rollback(True)

    def _measure(self, pages: dict[str, str], client: Client, rounds: int) -> None:
        """Interleave the pages, so that a busy moment of the machine affects all of them."""
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in pages}
        for _round in range(rounds + 2):
            for name, url in pages.items():
                times[name].append(_time(client, url))
        for name, taken in times.items():
            wall, own = zip(*taken[2:], strict=True)
            self.stdout.write(f"{name:34}{median(wall):8.1f}{quantiles(wall, n=20)[-1]:8.1f}{median(own):8.1f}")

    def _take(self, name: str, work: Callable[[], Any]) -> None:
        start = time.perf_counter()
        work()
        self.stdout.write(f"{name:34}{time.perf_counter() - start:7.1f} s")


def _fill(events: int) -> Role:
    """Create a year of events, half of them by one of ten administrators."""
    enterprise = Enterprise.objects.create(name="bench")
    users = [User.objects.create_user(login=f"bench-{n}", name=f"管理员{n}") for n in range(10)]
    roles = [Role.objects.create(user=user, enterprise=enterprise, name=Role.Name.OWNER) for user in users]
    start, head = timezone.now() - timedelta(days=365), ""
    for first in range(1, events + 1, CHUNK):
        made = []
        for number in range(first, min(first + CHUNK, events + 1)):
            event = _event(enterprise, number, users, start + timedelta(days=365) * number / events, head)
            made.append(event)
            head = event.digest
        AuditEvent.objects.bulk_create(made)
    extend_chain(AuditChain.objects.create(enterprise=enterprise), length=events, head=head)
    return roles[0]


def _event(enterprise: Enterprise, number: int, users: list[User], at: Any, previous: str) -> AuditEvent:
    mixed = number * 2_654_435_761 % 2**32
    user = users[0] if mixed % 2 else users[mixed // 7 % 10]
    name = SURNAMES[mixed // 3 % 20] + GIVEN[mixed // 61 % 20] + GIVEN[mixed // 1231 % 20]
    personal = {
        "salt": f"{mixed:032x}",
        "actor": user.name,
        "target": name,
        "before": {"name": name, "position": "工程师", "departments": ["市场部"]},
        "after": {"name": name, "position": "经理", "departments": ["市场部", "华东组"]},
    }
    event = AuditEvent(
        enterprise=enterprise,
        number=number,
        at=at,
        actor_user_id=user.pk,
        role="owner",
        via="command" if mixed % 997 == 0 else "web",
        ip="203.0.113.7",
        user_agent="Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0",
        request_id=f"{number:032x}",
        action=ACTIONS[mixed // 11 % 20] if number > 1 else OPENED,
        target_type="member",
        target_id=str(mixed % 50_000),
        personal=personal,
        personal_digest=personal_digest(personal, keyring(), keyring().current),
        key_id=keyring().current,
        previous=previous,
    )
    event.digest = event_digest(event, keyring())
    return event


def _pages(role: Role, events: int) -> dict[str, str]:
    day = (timezone.now() - timedelta(days=200)).date()
    other = Role.objects.filter(enterprise=role.enterprise_id).exclude(pk=role.pk).order_by("pk")[0].user_id
    searches = {"a surname": "张", "a whole name": "张伟军", "the busiest actor": "管理员0", "an id": "4711"}
    searches |= {"a request": f"{events // 3:032x}", "nobody": "nobody-at-all"}
    return {
        "first page": LIST,
        "a page in the middle": f"{LIST}?before={events // 2}",
        "one kind of action, frequent": f"{LIST}?action=member_edited",
        "a group of actions": f"{LIST}?action=members",
        "an action that never was": f"{LIST}?action=batch_opened",
        "the busiest actor": f"{LIST}?actor={role.user_id}",
        "another actor": f"{LIST}?actor={other}",
        "by command line (0.1 %)": f"{LIST}?via=command",
        "one day, 200 days ago": f"{LIST}?since={day}&until={day}",
        "… by one actor, one action": f"{LIST}?since={day}&until={day}&actor={other}&action=domain_edited",
        "one target": f"{LIST}?target=member.4711",
        **{f"search {name}": f"{LIST}?q={quote(text)}" for name, text in searches.items()},
        "search a surname, by command": f"{LIST}?q={quote('张')}&via=command",
    }


def _verify(enterprise: Enterprise, events: int) -> None:
    verifier, number, head = EventVerifier(enterprise.pk), 0, ""
    while number < events:
        number, head, broken = verify_chunk(verifier, number, head, until=events, limit=2000)
        if broken:
            raise CommandError(str(broken))


def _time(client: Client, url: str) -> tuple[float, float]:
    """Return the elapsed milliseconds, and the CPU milliseconds of this process."""
    start, own = time.perf_counter(), time.process_time()
    answer = client.get(url)
    taken = (time.perf_counter() - start) * 1000, (time.process_time() - own) * 1000
    if answer.status_code != 200:
        raise CommandError(f"{url} answered {answer.status_code}")
    return taken
