"""`manage.py bench_qr`: other pages while 500 desktops poll QR codes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from benchmarks.qr_sign_in import measure_waiting


class Command(BaseCommand):
    help = "Measures other pages while many desktops wait with a QR code, against a web server of its own."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--desktops", type=int, default=500)
        parser.add_argument("--seconds", type=float, default=15)

    def handle(self, *args: Any, **options: Any) -> None:
        figures = measure_waiting(options["desktops"], options["seconds"])
        self.stdout.write(f"{connection.vendor}, gunicorn as in production, {options['seconds']:.0f} s each")
        self.stdout.write(f"{'':22}{'desktops':>10}{'answers/s':>11}{'p50 ms':>9}{'p95 ms':>9}{'failed':>8}")
        for figure in figures:
            answers = figure.answers
            rate = len(answers.seconds) / figure.seconds
            times = f"{answers.p50 * 1000:>9.1f}{answers.p95 * 1000:>9.1f}"
            self.stdout.write(f"{figure.name:22}{figure.desktops:>10}{rate:>11.1f}{times}{answers.failures:>8}")
        polls = figures[-1].answers
        if polls.cpu_seconds and polls.seconds:
            each = polls.cpu_seconds / len(polls.seconds) * 1000
            self.stdout.write(f"The web server used {each:.1f} ms of CPU for each poll, the page's answers included.")
