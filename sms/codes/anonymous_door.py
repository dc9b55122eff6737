"""Everything that limits a code asked for at the anonymous door, in one order (docs/limits.md)."""

from __future__ import annotations

from core.locks import advisory_lock
from sms.codes.budgets import STRANGERS_MAY, demand_of_budget
from sms.codes.conversion import demand_of_conversion
from sms.codes.limits import refuse_beyond_browser, refuse_beyond_number
from sms.codes.open_codes import codes_of_block, demand_of_block, demand_of_row
from sms.codes.proof_of_work import hardest, require_proof
from sms.models import PhoneCode


def admit(code: PhoneCode, *, enterprise: int | None, work: str) -> None:
    """Raise CodeLimited if this unsaved code exceeds a limit, ProofRequired if `work` doesn't answer for it.

    The caller holds the lock of the number and rolls back what a refusal leaves. `enterprise` is the id of the one that
    sends the code. Locks are taken in the order number, browser, block, all: two requests never deadlock.
    """
    refuse_beyond_number(code)
    advisory_lock(f"browser {code.browser}")
    refuse_beyond_browser(code)
    advisory_lock(f"address {code.address_block}")
    block = codes_of_block(code)
    demands = [demand_of_block(block), demand_of_row(code)]
    advisory_lock("anonymous codes")
    demands.append(demand_of_conversion())
    demands.append(demand_of_budget(enterprise if code.purpose in STRANGERS_MAY else None, block))
    if demand := hardest(demands):
        require_proof(code, work, demand)
