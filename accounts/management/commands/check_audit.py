"""`manage.py check_audit`: verify every enterprise's audit chain."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.audit.verification import BrokenLink, has_head, last_numbers, verify_chain
from accounts.audit.verification_job import verify_record
from accounts.models import AuditChain

# The greatest number that both databases store.
NUMBER_MAX = 2**63 - 1


class Command(BaseCommand):
    help = "Verify the audit chain of every enterprise. Names the first broken event and exits with 1."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--head",
            action="append",
            default=[],
            metavar="N:HASH",
            help="number and head of a line audit_chain_extended of the process log, which some chain must include",
        )

    def handle(self, *args: Any, head: list[str], **options: Any) -> None:
        heads = [_parse(each) for each in head]
        broken = [str(link) for id in last_numbers() if (link := self._verify(id))]
        for number, digest in heads:
            if has_head(number, digest):
                self.stdout.write(f"A log holds event {number} with this head.")
            else:
                broken.append(f"no audit log holds event {number} with the head {digest}: it was cut or replaced")
        if broken:
            raise CommandError("The audit chain is broken.\n" + "\n".join(broken))
        self.stdout.write(self.style.SUCCESS("The audit chain is whole."))

    def _verify(self, enterprise_id: int) -> BrokenLink | None:
        with transaction.atomic():
            # The lock keeps events from being added between reading them and reading the chain's end.
            chain = AuditChain.objects.select_for_update().filter(enterprise_id=enterprise_id).first()
            link = verify_chain(enterprise_id) or verify_record(enterprise_id)
        if chain and not link:
            self.stdout.write(f"enterprise {enterprise_id}: {chain.length} events, head {chain.head}")
        return link


def _parse(head: str) -> tuple[int, str]:
    """Return number and digest of "N:HASH". Raises CommandError."""
    match = re.fullmatch(r"([1-9]\d{0,18}):([\da-f]{64})", head.strip().lower(), re.ASCII)
    if not match or int(match[1]) > NUMBER_MAX:
        raise CommandError(f"--head must be N:HASH, a number and 64 hexadecimal digits, not {head!r}.")
    return int(match[1]), match[2]
