"""`manage.py check_audit`: verify every enterprise's audit chain."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.audit.verification import enterprises_with_chains, verify_chain
from accounts.models import AuditChain


class Command(BaseCommand):
    help = "Verify the audit chain of every enterprise. Names the first broken event and exits with 1."

    def handle(self, *args: Any, **options: Any) -> None:
        broken = []
        for id in enterprises_with_chains():
            with transaction.atomic():
                # The lock keeps events from being added between reading them and reading the chain's end.
                chain = AuditChain.objects.select_for_update().filter(enterprise_id=id).first()
                if link := verify_chain(id):
                    broken.append(str(link))
                elif chain and chain.length:
                    self.stdout.write(f"enterprise {id}: {chain.length} events, head {chain.head}")
        if broken:
            raise CommandError("The audit chain is broken.\n" + "\n".join(broken))
        self.stdout.write(self.style.SUCCESS("The audit chain is whole."))
