"""`manage.py bench_import`: imported rows per CPU second, compared with peers and lower bounds."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from benchmarks.imports import BOTH, Figure, Measured, measure_import, peers_for


class Command(BaseCommand):
    help = "Measures an import by stage, in a database of its own."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
        parser.add_argument("--peer-rows", type=int, default=2_000, help="for the slow peers; 0: no peer at all")
        parser.add_argument("--rounds", type=int, default=3)

    def handle(self, *args: Any, rows: list[int], peer_rows: int, rounds: int, **options: Any) -> None:
        slow: list[Figure] = []
        for number in rows:
            # The slow peers run only once.
            tuned, *others = peers_for(number, peer_rows)
            peers = [tuned, *([] if slow else others)] if peer_rows else []
            measured = measure_import(number, peers=peers, rounds=rounds)
            names = {name for name, *_rest in others}
            slow = slow or [figure for figure in measured.figures if figure.name in names]
            self._report(measured, number, rounds, slow)

    def _report(self, measured: Measured, rows: int, rounds: int, slow: list[Figure]) -> None:
        ours = next(figure for figure in measured.figures if figure.name == BOTH)
        self.stdout.write(f"\n{connection.vendor}, {rows:,} rows, medians of {rounds}")
        self.stdout.write(f"{'':42}{'rows':>9}{'seconds':>9}{'per CPU-s':>11}{'ours ×':>8}")
        for figure in [*(one for one in measured.figures if one not in slow), *slow]:
            ratio = ours.per_cpu_second / figure.per_cpu_second
            line = f"{figure.name:42}{figure.rows:9,}{figure.seconds:9.2f}{figure.per_cpu_second:11,.0f}{ratio:8.1f}"
            self.stdout.write(line)
        self.stdout.write(
            f"highest memory: child {measured.child_memory:.0f} MB, worker {measured.worker_memory:.0f} MB"
        )
