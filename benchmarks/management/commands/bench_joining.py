"""`manage.py bench_joining`: the join page, and fifty simultaneous applications, with gunicorn and workers."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from benchmarks.joining import measure_joining


class Command(BaseCommand):
    help = "Starts a console of its own on SQLite and measures joining over the loopback."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--applicants", type=int, default=50)
        parser.add_argument("--pages", type=int, default=200)

    def handle(self, *args: Any, applicants: int, pages: int, **options: Any) -> None:
        measured = measure_joining(applicants, pages)
        self.stdout.write(f"{'milliseconds a request':42}{'requests':>9}{'p50':>9}{'p95':>9}")
        for step, requests, half, most in measured.figures():
            self.stdout.write(f"{step:42}{requests:9}{half:9.1f}{most:9.1f}")
        self.stdout.write(f"{applicants} applied at once: {measured.filed} filed in {measured.seconds:.1f} s")
        if measured.filed != applicants:
            raise CommandError("not all were filed: " + "; ".join(measured.refused[:5]))
