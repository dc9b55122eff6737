"""`manage.py bench_import`: rows a CPU-second from workbook to members, beside the peer and the limit."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from directory.import_bench import measure_import


class Command(BaseCommand):
    help = "Measures an import by stage, in a database of its own."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rows", type=int, default=10_000)
        parser.add_argument("--peer-rows", type=int, default=1_000, help="for django-import-export; 0: leave it out")

    def handle(self, *args: Any, rows: int, peer_rows: int, **options: Any) -> None:
        measured = measure_import(rows, peer_rows)
        ours = next(figure for figure in measured.figures if figure.name == "both passes")
        self.stdout.write(f"{connection.vendor}, {rows:,} rows; the peer {peer_rows:,}")
        self.stdout.write(f"{'':42}{'seconds':>9}{'per CPU-s':>11}{'ours ×':>8}")
        for figure in measured.figures:
            ratio = ours.per_cpu_second / figure.per_cpu_second
            line = f"{figure.name:42}{figure.seconds:9.2f}{figure.per_cpu_second:11,.0f}{ratio:8.1f}"
            self.stdout.write(line)
        self.stdout.write(
            f"highest memory: child {measured.child_memory:.0f} MB, worker {measured.worker_memory:.0f} MB"
        )
