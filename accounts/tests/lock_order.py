"""Watch in which order the transactions of one thread lock and write rows, on PostgreSQL."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

IDLE = 0  # psycopg.pq.TransactionStatus: this statement begins a transaction
CHAIN = "accounts_auditchain"
LOCKING = re.compile(r'^(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"|^SELECT .*? FROM "(\w+)".*FOR UPDATE', re.DOTALL)


@contextmanager
def recorded_locks(*, pause_seconds: float = 0) -> Iterator[list[list[str]]]:
    """Yield a list with one list per transaction: the table of each lock or write, the chain's with the enterprise id.

    Wait `pause_seconds` after the first lock of each transaction, so that two that lock in opposite order do deadlock.
    """
    transactions: list[list[str]] = []

    def watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if context["connection"].connection.info.transaction_status == IDLE:
            transactions.append([])
        result = execute(sql, params, many, context)
        if found := LOCKING.match(sql):
            table = found[1] or found[2]
            transactions[-1].append(f"{table} {params[0]}" if table == CHAIN and found[2] else table)
            if len(transactions[-1]) == 1:
                time.sleep(pause_seconds)
        return result

    with connection.execute_wrapper(watch):
        yield transactions


def chains_of(locks: list[str]) -> list[str]:
    """Return the chains that a transaction locked, each once, in order."""
    return list(dict.fromkeys(lock for lock in locks if lock.startswith(f"{CHAIN} ")))


def locks_chain_first(locks: list[str]) -> bool:
    """Return True if the transaction locked at most one chain, and that before any other row."""
    chains = chains_of(locks)
    return not chains or (len(chains) == 1 and locks[0] == chains[0])
