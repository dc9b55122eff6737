"""`manage.py bench_outbox`: messages per second through the outbox, compared with the lower bound."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from benchmarks.outbox import measure_outbox


class Command(BaseCommand):
    help = "Measures messages a second through the outbox, in a database of its own."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--messages", type=int, default=5000)
        parser.add_argument("--rounds", type=int, default=3)

    def handle(self, *args: Any, **options: Any) -> None:
        figures = measure_outbox(options["messages"], options["rounds"])
        limit = figures[0].per_second
        self.stdout.write(f"{connection.vendor}, medians of {options['rounds']} x {options['messages']} messages")
        self.stdout.write(f"{'':24}{'per s':>10}{'per CPU-s':>12}{'of limit':>10}")
        for figure in figures:
            share = f"{figure.per_second / limit:.1%}"
            self.stdout.write(f"{figure.name:24}{figure.per_second:>10,.0f}{figure.per_cpu_second:>12,.0f}{share:>10}")
